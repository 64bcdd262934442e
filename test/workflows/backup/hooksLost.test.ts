import { CreateSnapshotsCommand, DeleteSnapshotCommand } from '@aws-sdk/client-ec2';
import { SendCommandCommand } from '@aws-sdk/client-ssm';
import { recoveryPointId } from '../../../src/activities/points/recoveryPoints';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { formatHookMark } from '../../../src/model/machines/hooks';
import { failedResult } from '../../support/failure';
import { HOOKS, HooksWorld } from '../../support/hooksWorld';
import { until } from '../../support/until';

describe('a guest is thawed', () => {
  let hooks: HooksWorld;

  beforeAll(async () => {
    hooks = await HooksWorld.open();
  });
  afterAll(() => hooks.close());
  beforeEach(() => hooks.reset());

  const CALM = { marks: ['frozen', 'thawed'], snapshots: [true, true], frozen: false };

  it.each(['pre', 'post'])('by one command where the answer to %s is lost', async (step) => {
    const policyName = `lost-${step}`;
    const id = await hooks.machine(policyName);
    await hooks.policy(policyName, HOOKS);
    hooks.world.proxy.fault('SendCommand', { after: 'lose the response' }, step === 'pre' ? 1 : 2);
    const { recoveryPoints } = await hooks.backUp(policyName);
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
    expect(hooks.sent()).toEqual(['pre', 'post']);
    expect(await hooks.storyOf(id)).toEqual(CALM);
  });

  it('at once where the answer to CreateSnapshots is lost; the set is found, and not made again', async () => {
    const id = await hooks.machine('lost-set');
    await hooks.policy('lost-set', HOOKS);
    hooks.world.proxy.fault('CreateSnapshots', { after: 'lose the response' }, 1);
    const { recoveryPoints } = await hooks.backUp('lost-set');
    expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
    expect(hooks.sent()).toEqual(['pre', 'post']);
    expect(await hooks.storyOf(id)).toEqual(CALM);
  });

  it('where CreateSnapshots is refused', async () => {
    const id = await hooks.machine('refused');
    await hooks.policy('refused', HOOKS);
    hooks.world.proxy.fault('CreateSnapshots', { before: { code: 'UnauthorizedOperation' } });
    await hooks.failing('refused');
    expect(await hooks.storyOf(id)).toEqual({ ...CALM, snapshots: [] });
  });

  it.each(['PendingSnapshotLimitExceeded', 'SnapshotCreationPerVolumeRateExceeded'])(
    'and frozen again later where CreateSnapshots meets %s',
    async (code) => {
      const id = await hooks.machine(code);
      await hooks.policy(code, HOOKS);
      hooks.world.proxy.fault('CreateSnapshots', { before: { code } }, 1);
      const { recoveryPoints } = await hooks.backUp(code);
      expect(recoveryPoints.items).toMatchObject([{ resourceId: id, consistency: 'application' }]);
      expect(hooks.sent()).toEqual(['pre', 'post', 'pre', 'post']);
      expect(await hooks.storyOf(id)).toMatchObject({ snapshots: [true, true], frozen: false });
    },
  );

  it.each(['SendCommand', 'CreateSnapshots'])('where the run is cancelled at %s', async (action) => {
    const policyName = `cancelled-${action}`;
    const id = await hooks.machine(policyName);
    await hooks.policy(policyName, HOOKS);
    const { came, release } = hooks.world.proxy.hold(action);
    const run = await hooks.world.start('runBackup', { policyName }, { limits: { heartbeat: 10_000 } });
    await came;
    await run.cancel();
    setTimeout(release, 1_500);
    await expect(run.result()).rejects.toThrow();
    expect(hooks.sent()).toEqual(['pre', 'post']);
    expect((await hooks.storyOf(id)).frozen).toBe(false);
  });

  it('where the run is terminated', async () => {
    const id = await hooks.machine('terminated');
    await hooks.policy('terminated', HOOKS);
    const { came, release } = hooks.world.proxy.hold('CreateSnapshots');
    const limits = { heartbeat: 2_000 };
    const run = await hooks.world.start('backupTarget', await hooks.slotOf('terminated'), { limits });
    await came;
    await run.terminate('test');
    setTimeout(release, 1_500);
    await until(async () => (await hooks.storyOf(id)).marks.length === 2);
    expect(hooks.sent()).toEqual(['pre', 'post']);
    expect(await hooks.storyOf(id)).toEqual(CALM);
  });

  it('first of all where a lost run of the slot has left it frozen', async () => {
    const id = await hooks.machine('left');
    await hooks.policy('left', HOOKS);
    const slot = await hooks.slotOf('left');
    const point = recoveryPointId('left', slot.slotMs, slot.target, id);
    await hooks.world.sessions.ssm(slot.target, 'backup').send(
      new SendCommandCommand({
        InstanceIds: [id],
        DocumentName: 'AWS-RunShellScript',
        Comment: formatHookMark({ recoveryPointId: point, step: 'pre', attempt: 1 }),
        Parameters: { commands: HOOKS.pre.commands },
      }),
    );
    await until(async () => (await hooks.guests.of(id)).frozen);
    await hooks.world.run('backupTarget', slot);
    expect(hooks.sent()).toEqual(['pre', 'post', 'pre', 'post']);
    const { marks, snapshots } = await hooks.storyOf(id);
    expect(marks).toEqual(['frozen', 'thawed', 'frozen', 'thawed']);
    expect(snapshots).toEqual([true, true]);
  });

  it('and a set that was begun after that is not believed', async () => {
    const id = await hooks.machine('late');
    await hooks.policy('late', HOOKS);
    const slot = await hooks.slotOf('late');
    await hooks.world.run('backupTarget', slot);
    // A worker that everybody took for dead makes its set after another one has thawed.
    const ec2 = hooks.world.home.ec2();
    const first = await hooks.snapshotsOf('late');
    for (const { SnapshotId } of first) await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
    await ec2.send(
      new CreateSnapshotsCommand({
        InstanceSpecification: { InstanceId: id },
        Description: first[0]?.Description,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: first[0]?.Tags }],
      }),
    );
    const { failed } = await failedResult<RunBackupResult>(
      hooks.world.run('backupTarget', slot),
      FAILURE.allFailed,
    );
    expect(failed.items[0]?.message).toMatch(/begun after another attempt had thawed the guest/);
    expect(await hooks.consistencyOf('late')).toEqual(['crash', 'crash']);
    expect(hooks.sent()).toEqual(['pre', 'post']);
  });

  it('once where a later run of the slot finds its set', async () => {
    const id = await hooks.machine('twice');
    await hooks.policy('twice', HOOKS);
    const slot = await hooks.slotOf('twice');
    await hooks.world.run('backupTarget', slot);
    const again = await hooks.world.run('backupTarget', slot);
    expect(again).toMatchObject({ created: 0, recoveryPoints: { items: [{ consistency: 'application' }] } });
    expect(hooks.sent()).toEqual(['pre', 'post']);
    expect(await hooks.storyOf(id)).toEqual(CALM);
  });
});
