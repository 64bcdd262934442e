import { FAILURE } from '../../../../src/model/failures';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { workflowIds } from '../../../../src/model/ids';
import { HOME_REGION } from '../../../support/accounts';
import { awaitResult } from '../../../support/awaitResult';
import { expectFailure } from '../../../support/failure';
import { butEncryption, MigrationWorld } from '../../../support/migration';
import { anInstance } from '../../../support/seed';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** `04:07` in UTC. */
function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

describe('the window of encryptVolumes', () => {
  let migrations: MigrationWorld;

  // The server that skips time does so for one workflow: a migration left in soak by another test would hold it up.
  beforeEach(async () => {
    migrations = await MigrationWorld.open({ timeSkipping: true });
  });
  afterEach(() => migrations.close());

  const now = () => migrations.world.temporal.currentTimeMs();

  it.each([
    ['it opens', { opensIn: 5 * HOUR, isOpenFor: HOUR, startsIn: 5 * HOUR }],
    // Five minutes are left, and a machine needs eleven.
    ['it opens again', { opensIn: -2 * HOUR, isOpenFor: 2 * HOUR + 5 * MINUTE, startsIn: 22 * HOUR }],
  ])('lets machines in when %s', async (_, { opensIn, isOpenFor, startsIn }) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const asked = Math.floor((await now()) / MINUTE) * MINUTE;
    const [from, to] = [asked + opensIn, asked + opensIn + isOpenFor].map(timeOfDay);
    const window = { from, to, timezone: 'UTC' };
    const run = await migrations.start({ instanceIds: [instanceId], window });
    const result = await awaitResult<EncryptVolumesResult>(run);
    expect(result.encrypted.total).toBe(1);
    const { events } = await run.fetchHistory();
    const [started] = (events ?? []).filter((event) => event.childWorkflowExecutionStartedEventAttributes);
    const startedAt = Number(started?.eventTime?.seconds) * 1000;
    expect(startedAt - asked).toBeGreaterThanOrEqual(startsIn);
    expect(startedAt - asked).toBeLessThan(startsIn + 20 * MINUTE);
    const timers = (events ?? []).filter((event) => event.timerStartedEventAttributes);
    // One wait for the window, and one look at the open machine at most.
    expect(timers.length).toBeLessThanOrEqual(2);
  });

  it('keeps a machine from being stopped that was ready too late', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const before = await migrations.stateOf(instanceId);
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
