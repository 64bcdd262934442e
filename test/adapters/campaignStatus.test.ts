import { WorkflowNotFoundError } from '@temporalio/client';
import { CampaignNotFound, Campaigns } from '../../src/client/campaigns';
import type { Holdfast } from '../../src/client/operations';
import { workflowIds } from '../../src/model/ids';

const TARGET = { accountId: '123456789012', region: 'us-east-1' };
const CAMPAIGN = 'campaign-1';

interface Machine {
  /** What the campaign has said of it. */
  state: string;
  status?: 'RUNNING' | 'COMPLETED' | 'FAILED' | 'TERMINATED';
  phase?: string;
  outcome?: string;
  result?: object;
}

/** A campaign as Temporal tells it: its own word on each machine, and each migration as it is now. */
function campaignOf(machines: Record<string, Machine>): Campaigns {
  const rows = Object.entries(machines).map(([item, { state }]) => ({ item, state }));
  const infos = Object.entries(machines).flatMap(([id, { status, phase, outcome }]) =>
    status
      ? [
          {
            workflowId: workflowIds.machine(TARGET, id),
            startTime: new Date(),
            status: { name: status },
            typedSearchAttributes: {
              get: ({ name }: { name: string }) => ({ HoldfastPhase: phase, HoldfastOutcome: outcome })[name],
            },
          },
        ]
      : [],
  );
  const none = () => Promise.reject(new WorkflowNotFoundError('none', 'none', undefined));
  const holdfast = {
    operation: (workflowId: string) => ({
      progress: () =>
        workflowId === CAMPAIGN ? Promise.resolve({ phase: 'Done', counts: {}, rows }) : none(),
      result: () => Promise.resolve(machines[workflowId.split('/').at(-1) ?? '']?.result ?? {}),
    }),
    temporal: {
      workflow: {
        list: () => infos.values(),
        getHandle: (id: string) => ({
          describe: () =>
            id === CAMPAIGN
              ? Promise.resolve({ type: 'encryptVolumes' })
              : id === 'other'
                ? Promise.resolve({ type: 'runBackup' })
                : none(),
        }),
      },
    },
  };
  return new Campaigns(holdfast as unknown as Holdfast);
}

describe('the state of a campaign’s machine', () => {
  it.each<[string, Machine, string]>([
    ['soaks', { state: 'encrypted', status: 'RUNNING', phase: 'Soaking' }, 'encrypted'],
    ['is stuck', { state: 'encrypted', status: 'RUNNING', phase: 'Needs a person' }, 'needs a person'],
    [
      'is stuck at once',
      { state: 'migrating', status: 'RUNNING', phase: 'Needs a person' },
      'needs a person',
    ],
    ['is committed', { state: 'encrypted', status: 'COMPLETED', outcome: 'Succeeded' }, 'encrypted'],
    [
      'was sent back',
      { state: 'encrypted', status: 'COMPLETED', outcome: 'Succeeded', result: { outcome: 'rolledBack' } },
      'rolledBack',
    ],
    ['has failed since', { state: 'encrypted', status: 'FAILED', outcome: 'Failed' }, 'failed'],
    ['was terminated', { state: 'encrypted', status: 'TERMINATED', phase: 'Soaking' }, 'failed'],
    ['was blocked', { state: 'blocked' }, 'blocked'],
  ])('that %s is told as it is now', async (_what, machine, state) => {
    const { machines, counts } = await campaignOf({ 'i-0123456789abcdef0': machine }).status(CAMPAIGN);
    expect(machines[0]).toMatchObject({ instanceId: 'i-0123456789abcdef0', state });
    expect(counts).toEqual({ [state]: 1 });
  });
});

describe('a message to all machines of a campaign', () => {
  const said = { by: 'ann', reason: 'checked' };

  it.each(['nope', 'other'])('is refused where %s is no campaign', async (id) => {
    await expect(campaignOf({}).tellMachines(id, 'commit', said)).rejects.toThrow(CampaignNotFound);
  });

  it('goes to nobody where none is open', async () => {
    expect(await campaignOf({}).tellMachines(CAMPAIGN, 'commit', said)).toEqual([]);
  });
});
