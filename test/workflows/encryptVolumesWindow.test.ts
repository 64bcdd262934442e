import { FAILURE } from '../../src/model/failures';
import type { EncryptVolumesResult } from '../../src/model/campaign';
import { workflowIds } from '../../src/model/ids';
import { HOME_REGION } from '../support/accounts';
import { expectFailure } from '../support/failure';
import { butEncryption, MigrationWorld } from '../support/migration';
import { anInstance } from '../support/seed';

const HOUR = 3_600_000;

/** `04:07` in UTC. */
function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

describe('the window of encryptVolumes', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ timeSkipping: true });
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const now = () => migrations.world.temporal.currentTimeMs();

  it('lets machines in when it opens, and no more of them than there is time for', async () => {
    const made = [await anInstance(migrations.world.home), await anInstance(migrations.world.home)];
    const instanceIds = made.map(({ instanceId }) => instanceId);
    const opensAt = (await now()) + 5 * HOUR;
    const window = { from: timeOfDay(opensAt), to: timeOfDay(opensAt + HOUR / 2), timezone: 'UTC' };
    const run = await migrations.world.start('encryptVolumes', {
      kmsKeyId: migrations.key,
      instanceIds,
      concurrency: 1,
      window,
      soak: '1h',
    });
    const result = (await run.result()) as EncryptVolumesResult;
    expect(result.encrypted.total).toBe(2);
    const { events = [] } = await run.fetchHistory();
    const started = (events ?? [])
      .filter(({ childWorkflowExecutionStartedEventAttributes: child }) => child)
      .map(({ eventTime }) => Number(eventTime?.seconds) * 1000);
    expect(started).toHaveLength(2);
    const firstOpening = Math.floor(opensAt / 60_000) * 60_000;
    for (const at of started) {
      const sinceOpening = (at - firstOpening) % (24 * HOUR);
      expect(sinceOpening).toBeGreaterThanOrEqual(0);
      expect(sinceOpening).toBeLessThanOrEqual(HOUR / 2 - 11 * 60_000);
    }
  });

  it('keeps a machine from being stopped that was ready too late', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.reset();
    const target = { accountId: home.accountId, region: HOME_REGION };
    const late = { target, instanceId, kmsKeyArn: migrations.key, maxDowntimeMs: HOUR, stopBy: 1 };
    const workflowId = workflowIds.machine(target, instanceId);
    const failure = await expectFailure(
      migrations.world.run('migrateMachine', { ...late, strategy: 'direct' }, { workflowId }),
      FAILURE.rolledBack,
    );
    expect(failure).toContain('WindowClosed');
    expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
    expect(butEncryption(await migrations.stateOf(instanceId))).toEqual(butEncryption(before));
  });
});
