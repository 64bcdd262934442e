import { readFileSync } from 'node:fs';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds, workflowIds } from '../../../src/model/ids';
import { TASK_QUEUE } from '../../../src/model/names';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { aVolume } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const HOUR = 3_600_000;

describe('what backups tell', () => {
  let world: World;
  const slowed = { until: () => true };

  beforeAll(async () => {
    world = await aWorld({
      override: (activities) => {
        const protect = activities.protectUnits.bind(activities);
        return {
          async protectUnits(request) {
            await until(slowed.until);
            return protect(request);
          },
        };
      },
    });
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.proxy.reset();
    slowed.until = () => true;
    world.heartbeats.length = world.notifications.length = 0;
  });

  async function policy(policyName: string): Promise<void> {
    await aVolume(world.home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    await world.run('createBackupPolicy', { policyName, frequency: '1h', retention: '30d', selector });
  }

  /** The nominal time so many hours ago. */
  const slot = (hoursAgo: number) => new Date((Math.floor(Date.now() / HOUR) - hoursAgo) * HOUR);

  async function slotRun(policyName: string, at: Date): Promise<RunBackupResult> {
    const schedule = world.client.schedule.getHandle(scheduleIds.policy(policyName));
    await schedule.backfill({
      start: new Date(at.getTime() - 1),
      end: new Date(at.getTime() + 1),
      overlap: 'ALLOW_ALL',
    });
    const id = `${workflowIds.backup(policyName)}-${at.toISOString().replace('.000', '')}`;
    const handle = world.client.workflow.getHandle(id);
    await until(() =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    );
    const result = await awaitResult<RunBackupResult>(handle);
    // The Schedule's memory of it is a moment behind.
    await until(async () =>
      (await schedule.describe()).info.recentActions.some(
        ({ scheduledAt }) => scheduledAt.getTime() === at.getTime(),
      ),
    );
    return result;
  }

  it('a run says which slots before it had none, and how late it is', async () => {
    await policy('gaps');
    expect((await slotRun('gaps', slot(5))).missedSlots.total).toBe(0);
    const { missedSlots, lateMs } = await slotRun('gaps', slot(2));
    expect(missedSlots.items).toEqual([slot(4), slot(3)].map((at) => at.toISOString()));
    expect(lateMs).toBeGreaterThan(2 * HOUR - 1);
    expect(world.notifications).toMatchObject([
      { kind: 'MissedSlots', policyName: 'gaps', workflowType: 'runBackup' },
    ]);
    expect(world.notifications[0]?.summary).toMatch(/2 slots before this one had no run/);
    expect((await slotRun('gaps', slot(1))).missedSlots.total).toBe(0);
  });

  it('a run says that the one before it was ended from outside, which the documented filter finds', async () => {
    await policy('cut');
    const at = slot(3);
    const id = `${workflowIds.backup('cut')}-${at.toISOString().replace('.000', '')}`;
    const terminated = new Promise<void>((resolve) => {
      const terminate = () =>
        world.client.workflow
          .getHandle(id)
          .terminate('test')
          .then(() => resolve());
      world.proxy.fault('CreateSnapshot', { held: terminate }, 1);
    });
    await expect(slotRun('cut', at)).rejects.toThrow();
    await terminated;
    const { cutOff } = await slotRun('cut', slot(2));
    expect(cutOff).toEqual({ workflowId: id, status: 'TERMINATED' });
    expect(world.notifications).toContainEqual(
      expect.objectContaining({ kind: 'Failed', outcome: 'TERMINATED', policyName: 'cut' }),
    );
    const [filter] =
      /ExecutionStatus IN \([^)]*\)/.exec(readFileSync('docs/guides/watching.md', 'utf8')) ?? [];
    const found: string[] = [];
    for await (const { workflowId } of world.client.workflow.list({ query: filter })) found.push(workflowId);
    expect(found).toContain(id);
    expect((await slotRun('cut', slot(1))).cutOff).toBeUndefined();
  });

  it('a run that the server would end at its timeout ends by itself before, names what goes on, and tells people', async () => {
    await policy('hanging');
    let isOver = false;
    slowed.until = () => isOver;
    const run = await world.client.workflow.start('runBackup', {
      args: [{ policyName: 'hanging' }],
      taskQueue: TASK_QUEUE,
      workflowId: 'run-of-hanging',
      workflowExecutionTimeout: '12 seconds',
    });
    const { failed } = await failedResult<RunBackupResult>(awaitResult(run), FAILURE.allFailed);
    isOver = true;
    expect(failed.items).toMatchObject([
      { item: `${world.home.accountId}/us-east-1`, type: FAILURE.timeout },
    ]);
    expect(failed.items[0]?.message).toContain('What was begun goes on');
    expect(world.notifications).toMatchObject([{ kind: 'Failed', policyName: 'hanging' }]);
    const target = world.client.workflow.getHandle(`run-of-hanging/${world.home.accountId}/us-east-1`);
    expect(await awaitResult(target)).toMatchObject({ protected: 1 });
  });

  it('each target of a run beats, with what failed in it', async () => {
    await policy('beats');
    await world.run('runBackup', { policyName: 'beats' });
    const target = { accountId: world.home.accountId, region: 'us-east-1' };
    expect(world.heartbeats).toMatchObject([{ policyName: 'beats', target, protected: 1, failed: 0 }]);
    expect(world.notifications).toEqual([]);
  });

  it('a run that fails tells people once, and names the policy', async () => {
    await policy('fails');
    world.proxy.fault('CreateSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
    await failedResult(world.run('runBackup', { policyName: 'fails' }), FAILURE.allFailed);
    expect(world.notifications).toMatchObject([
      { kind: 'Failed', outcome: 'AllFailed', policyName: 'fails' },
    ]);
    expect(world.heartbeats).toMatchObject([{ protected: 0, failed: 1 }]);
  });

  it('a run that takes half of what the RPO leaves it tells people while there is time', async () => {
    await policy('slow');
    const { action } = await world.client.schedule.getHandle(scheduleIds.policy('slow')).describe();
    const [normalized] = action.type === 'startWorkflow' ? (action.args as [NormalizedPolicy]) : [];
    const slack = (normalized?.rpoMs ?? 0) - (normalized?.frequencyMs ?? 0);
    slowed.until = () => world.notifications.length > 0;
    const begunMs = Date.now() - slack / 2 + 500;
    const target = { accountId: world.home.accountId, region: 'us-east-1' };
    await world.run('backupTarget', { policy: normalized, target, slotMs: begunMs, begunMs });
    expect(world.notifications).toMatchObject([
      { kind: 'RpoAtRisk', policyName: 'slow', workflowType: 'backupTarget' },
    ]);
    expect(world.notifications[0]?.summary).toMatch(
      /0 resources are protected so far, and in (29 min 59 s|30 min)/,
    );
  });
});
