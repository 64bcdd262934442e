import { ApplicationFailure } from '@temporalio/common';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { moveCost } from '../../../../src/model/moves/cost';
import { FAILURE } from '../../../../src/model/failures';
import type { PlannedMachine } from '../../../../src/model/moves/migration';
import type { ProgressPage } from '../../../../src/model/progress';
import { chooseStrategy } from '../../../../src/model/moves/strategy';
import { awaitResult } from '../../../support/awaitResult';
import { failedResult } from '../../../support/failure';
import { MigrationWorld } from '../../../support/migration';

const MACHINES = 150;
const THOUSANDS = 1000;
const SUGGESTED_AFTER = 300;
const AT_ONCE = 10;
/** A thousand machines then make ten thousand events, in runs of four thousand. */
const EVENTS_A_MACHINE = 13;
/** A thousand then carry half of what AWS and Temporal call large, 2 MB being what the server refuses. */
const BYTES_A_MACHINE = 400;

const idsOf = (length: number) =>
  Array.from({ length }, (_, index) => `i-${index.toString(16).padStart(17, '0')}`);
const ids = idsOf(MACHINES);
const [broken = ''] = ids;

function plan(instanceId: string): PlannedMachine {
  const disks = ['/dev/xvda', '/dev/sdf'].map((device, index) => ({
    volumeId: `vol-${instanceId.slice(3)}${index}`,
    device,
    type: 'gp3',
    size: 100,
    iops: 4000,
    throughput: 250,
    deleteOnTermination: true,
    zone: 'us-east-1a',
    createdAt: 0,
  }));
  return {
    target: { accountId: '123456789012', region: 'us-east-1' },
    instanceId,
    wasRunning: true,
    rootDevice: '/dev/xvda',
    kmsKeyArn: 'arn',
    disks,
    untouchedData: [],
    strategy: chooseStrategy('auto', { running: true, disks }),
    cost: moveCost(disks, 'clone'),
  };
}

describe('a campaign of many machines', () => {
  let migrations: MigrationWorld;
  const begun: string[] = [];

  beforeAll(async () => {
    migrations = await MigrationWorld.open({
      suggestContinueAsNewAfter: SUGGESTED_AFTER,
      // Only the campaign is looked at here: its machines turn out to have nothing to do, and one is gone.
      override: () => ({
        selectMachines: ({ instanceIds = [] }) => Promise.resolve({ instanceIds, standalone: [] }),
        surveyMachines: ({ instanceIds }) =>
          Promise.resolve(instanceIds.map((id) => ({ kind: 'plan' as const, plan: plan(id) }))),
        probePermissions: () => Promise.resolve({ denied: [], unconfirmed: [] }),
        findBeyondQuotas: () => Promise.resolve({ beyond: [] }),
        findInterrupted: () => Promise.resolve(undefined),
        planMachine: ({ instanceId }) => {
          begun.push(instanceId);
          if (instanceId === broken) throw ApplicationFailure.nonRetryable('it is gone', FAILURE.notFound);
          return Promise.resolve({ kind: 'nothing', reason: 'every volume is encrypted already' });
        },
      }),
    });
  });
  afterAll(() => migrations.close());

  /** Events of each run of the campaign, and bytes that each began with; the newest first. */
  async function runsOf(workflowId: string): Promise<{ events: number; bytes: number }[]> {
    const runs: { events: number; bytes: number }[] = [];
    for (let runId: string | undefined; ;) {
      const { events } = await migrations.world.client.workflow.getHandle(workflowId, runId).fetchHistory();
      const started = events?.[0]?.workflowExecutionStartedEventAttributes;
      const bytes = (started?.input?.payloads ?? []).reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      runs.push({ events: events?.length ?? 0, bytes });
      runId = started?.continuedExecutionRunId ?? undefined;
      if (!runId) return runs;
    }
  }

  it('plans thousands with a history of hundreds', async () => {
    const input = { instanceIds: idsOf(THOUSANDS), waves: [1, '10%', 'rest'], dryRun: true };
    const campaign = await migrations.start(input);
    const { plan, waves } = await awaitResult<EncryptVolumesResult>(campaign);
    expect(plan).toMatchObject({ total: THOUSANDS, truncated: true });
    expect(waves).toEqual([1, THOUSANDS / 10, (THOUSANDS * 9) / 10 - 1]);
    const [{ events, bytes }] = (await runsOf(campaign.workflowId)) as [{ events: number; bytes: number }];
    expect(events).toBeLessThan(THOUSANDS / 2);
    expect(bytes).toBeLessThan(2_000_000);
  });

  it('continues as new with its open machines, and forgets none', async () => {
    const input = { instanceIds: ids, concurrency: AT_ONCE, maxFailures: 2, waves: [5, '10%', 'rest'] };
    // The failure in the first wave has the second ask a person.
    const campaign = await migrations.start(input);
    await migrations.phase(campaign, 'Waiting for approval');
    expect(begun).toHaveLength(5);
    await campaign.executeUpdate('approve', { args: [{ by: 'ann', reason: 'known' }] });
    const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.partialFailure);
    expect(result.failed).toMatchObject({ total: 1, items: [{ item: broken, message: 'it is gone' }] });
    expect(result.skipped.total).toBe(MACHINES - 1);
    expect(begun.sort()).toEqual(ids);
    const { counts } = await campaign.query<ProgressPage>('progress');
    expect(counts).toEqual({ failed: 1, nothing: MACHINES - 1 });

    const runs = await runsOf(campaign.workflowId);
    expect(runs.length).toBeGreaterThan(2);
    expect(runs.reduce((sum, { events }) => sum + events, 0)).toBeLessThan(EVENTS_A_MACHINE * MACHINES);
    for (const { events } of runs) expect(events).toBeLessThan(SUGGESTED_AFTER + 100);
    for (const { bytes } of runs.slice(0, -1)) expect(bytes).toBeLessThan(BYTES_A_MACHINE * MACHINES);
  });
});
