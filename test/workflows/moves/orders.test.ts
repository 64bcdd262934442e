import { CreateVolumeCommand, DeleteVolumeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { FAILURE } from '../../../src/model/failures';
import { awaitResult } from '../../support/awaitResult';
import { failureOf } from '../../support/failure';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { anInstance, tagsOf } from '../../support/seed';
import { TargetGroup } from '../../support/targetGroups';
import {
  interruptedMachine,
  isInState,
  settledRun,
  soakingMachine,
  startMove,
  stopByHand,
} from '../../support/takenOver';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };
const DENIED = { before: { code: 'AccessDenied', status: 403 } };
const NO_CAPACITY = { before: { code: 'InsufficientInstanceCapacity', status: 500 } };

describe('orders at awkward moments', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.account.ec2();
  const encryptedDisks = async (instanceId: string) =>
    (await migrations.stateOf(instanceId)).disks.map(({ encrypted }) => encrypted);

  it('a cancel ends the soak of a machine that is terminated', async () => {
    const { instanceId, run } = await soakingMachine(migrations);
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await isInState(migrations, instanceId, 'terminated');
    await run.cancel();
    expect((await failureOf(awaitResult(run))).type).toBe(FAILURE.notFound);
  });

  it('a rollback that was told before a take-over is stuck counts', async () => {
    const { instanceId, before } = await interruptedMachine(migrations, 'StartInstances');
    await stopByHand(migrations, instanceId);
    migrations.world.proxy.fault('StartInstances', NO_CAPACITY);
    const run = await startMove(migrations, instanceId);
    await until(() => Promise.resolve(migrations.world.proxy.callsOf('StartInstances').length > 0));
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    migrations.world.proxy.reset();
    migrations.world.proxy.fault('StartInstances', REFUSED, 1);
    expect(await awaitResult(run)).toMatchObject({ outcome: 'rolledBack' });
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('a commit that was terminated half-way is finished, also when it is cancelled', async () => {
    const { instanceId } = await soakingMachine(migrations);
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile('DeleteVolume', terminate);
    migrations.world.proxy.fault('DeleteVolume', REFUSED, 2);
    await migrations.tell(instanceId, 'commit');
    await terminated;
    await until(() => Promise.resolve(migrations.world.proxy.callsOf('DeleteVolume').length > 0));
    migrations.world.proxy.reset();
    const run = await startMove(migrations, instanceId);
    await run.cancel();
    await settledRun(run);
    expect(await encryptedDisks(instanceId)).toEqual([true, true]);
    expect(Object.keys(tagsOf(await migrations.instance(instanceId)))).not.toContain('holdfast:migration');
    const points = (await migrations.snapshots(instanceId)).map(tagsOf);
    expect(points.map((tags) => tags['holdfast:set'])).toEqual(['2', '2']);
    const originals = await migrations.volumes({ Name: 'tag-key', Values: ['holdfast:original'] });
    expect(originals.filter(({ Tags }) => Tags?.some(({ Value }) => Value?.includes(instanceId)))).toEqual(
      [],
    );
  });

  it('a commit that was accepted is no rollback because of a cancel a moment later', async () => {
    const { instanceId, run } = await soakingMachine(migrations);
    const cancelled = migrations.meanwhile('DescribeInstances', () => run.cancel());
    await migrations.tell(instanceId, 'commit');
    await cancelled;
    await awaitResult(run).catch(() => undefined);
    expect(await encryptedDisks(instanceId)).toEqual([true, true]);
  });

  it('a rollback taken over does not stop a machine that is back already', async () => {
    const { instanceId } = await soakingMachine(migrations);
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile('DeleteVolume', terminate);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await terminated;
    migrations.world.proxy.reset();
    const run = await startMove(migrations, instanceId);
    await migrations.phase(run, 'Soaking');
    // The one of the migration that begins anew.
    expect(migrations.world.proxy.callsOf('StopInstances')).toHaveLength(1);
  });

  it('a rollback is refused while a taken-over machine cannot be registered, and the run goes on', async () => {
    const { instanceId } = await anInstance(migrations.account);
    const group = await TargetGroup.near(migrations.account, instanceId);
    await group.serving({ Id: instanceId, Port: 80 });
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile('StartInstances', terminate);
    await startMove(migrations, instanceId, { drain: true });
    await terminated;
    migrations.world.proxy.reset();
    migrations.world.proxy.fault('RegisterTargets', DENIED);
    const run = await startMove(migrations, instanceId, { drain: true });
    await migrations.phase(run, 'Needs a person');
    await expect(migrations.tell(instanceId, 'rollback', ANY_LOSS)).rejects.toThrow();
    migrations.world.proxy.reset();
    await migrations.tell(instanceId, 'resume');
    await migrations.phase(run, 'Soaking');
    await migrations.tell(instanceId, 'commit');
    expect(await awaitResult(run)).toMatchObject({ committed: true });
  });

  it('what is staged of a run that was terminated before the stop goes', async () => {
    const hooks = { pre: { commands: ['true'] } };
    const { instanceId } = await interruptedMachine(migrations, 'SendCommand', 1, {
      hooks,
      strategy: 'copy',
    });
    const left = (await migrations.snapshots(instanceId)).map(({ SnapshotId }) => SnapshotId);
    expect(left).not.toEqual([]);
    await settledRun(await startMove(migrations, instanceId));
    const now = (await migrations.snapshots(instanceId)).map(({ SnapshotId }) => SnapshotId);
    expect(left.filter((id) => now.includes(id))).toEqual([]);
  });

  it.each(['copy', 'direct'])(
    'what a %s has staged that was terminated while it prepared goes',
    async (strategy) => {
      const { instanceId } = await interruptedMachine(migrations, 'DescribeSnapshots', 1, { strategy });
      const left = (await migrations.snapshots(instanceId)).map(({ SnapshotId }) => SnapshotId);
      expect(left).not.toEqual([]);
      await settledRun(await startMove(migrations, instanceId, { strategy }));
      const now = (await migrations.snapshots(instanceId)).map(({ SnapshotId }) => SnapshotId);
      expect(left.filter((id) => now.includes(id))).toEqual([]);
    },
  );

  it('somebody’s volume from what is staged is untouched where the one that the original names is gone', async () => {
    const { instanceId } = await interruptedMachine(migrations, 'DetachVolume', 2);
    const originals = (await migrations.volumes({ Name: 'tag-key', Values: ['holdfast:original'] }))
      .filter((volume) => tagsOf(volume)['holdfast:original']?.includes(instanceId))
      .map(({ VolumeId }) => VolumeId);
    const made = await migrations.volumes({ Name: 'tag-key', Values: ['holdfast:replaces'] });
    const own = made.find((volume) => originals.includes(tagsOf(volume)['holdfast:replaces']));
    const { VolumeId: stranger = '' } = await ec2().send(
      new CreateVolumeCommand({
        SnapshotId: own?.SnapshotId,
        AvailabilityZone: own?.AvailabilityZone,
        TagSpecifications: [{ ResourceType: 'volume', Tags: own?.Tags }],
      }),
    );
    const strangers = () => migrations.volumes({ Name: 'volume-id', Values: [stranger] });
    await until(async () => (await strangers())[0]?.State === 'available');
    await ec2().send(new DeleteVolumeCommand({ VolumeId: own?.VolumeId }));
    await settledRun(await startMove(migrations, instanceId));
    expect(await strangers()).toHaveLength(1);
  });
});
