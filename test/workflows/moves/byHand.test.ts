import { AttachVolumeCommand, DetachVolumeCommand } from '@aws-sdk/client-ec2';
import { workflowIds } from '../../../src/model/ids';
import { awaitResult } from '../../support/awaitResult';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { anInstance, aVolume, disksOf } from '../../support/seed';
import {
  holdersOf,
  interruptedMachine,
  isInState,
  settledRun,
  soakingMachine,
  startByHand,
  startMove,
} from '../../support/takenOver';
import { until } from '../../support/until';

/** Between a run that was terminated and the next one people start machines, and these write. */
describe('what was written by hand after a migration was terminated', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.account.ec2();

  /** What is on the machine now is somewhere still when the next run has settled. */
  async function survives(instanceId: string, meanwhile = () => Promise.resolve()): Promise<void> {
    await migrations.writeTo(instanceId);
    const written = Object.values(await migrations.contentOf(instanceId));
    for (const digest of written) expect(await holdersOf(migrations, digest)).not.toEqual([]);
    await meanwhile();
    await settledRun(await startMove(migrations, instanceId));
    for (const digest of written) expect(await holdersOf(migrations, digest)).not.toEqual([]);
  }

  it('is kept where a rollback was terminated before its disks were back', async () => {
    const { instanceId } = await soakingMachine(migrations);
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile('CreateSnapshots', terminate);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await terminated;
    migrations.world.proxy.reset();
    await startByHand(migrations, instanceId);
    await survives(instanceId);
  });

  it('is kept where a swap was terminated before the start', async () => {
    const { instanceId } = await interruptedMachine(migrations, 'ModifyInstanceAttribute');
    await startByHand(migrations, instanceId);
    await survives(instanceId);
  });

  it('is kept where it was terminated at the start, and somebody detaches a new volume', async () => {
    const { instanceId } = await interruptedMachine(migrations, 'StartInstances');
    await isInState(migrations, instanceId, 'running');
    await survives(instanceId, async () => {
      const { '/dev/sdf': VolumeId } = await disksOf(migrations.account, instanceId);
      await ec2().send(new DetachVolumeCommand({ VolumeId }));
    });
  });

  it('is kept on the new volume of a volume by itself whose rollback was terminated', async () => {
    const { instanceId: writer } = await anInstance(migrations.account, {
      instanceType: 'm5.large',
      data: [],
    });
    const volume = async (id: string) => (await migrations.volumes({ Name: 'volume-id', Values: [id] }))[0];
    async function write(VolumeId: string, ...blocks: number[]) {
      await until(async () => (await volume(VolumeId))?.State === 'available');
      await ec2().send(new AttachVolumeCommand({ InstanceId: writer, VolumeId, Device: '/dev/sdz' }));
      await until(async () => (await volume(VolumeId))?.Attachments?.[0]?.State === 'attached');
      await migrations.blocks.write(VolumeId, ...blocks);
      await ec2().send(new DetachVolumeCommand({ InstanceId: writer, VolumeId }));
      await until(async () => (await volume(VolumeId))?.State === 'available');
    }
    const volumeId = await aVolume(migrations.account, {});
    await write(volumeId, 0, 3);
    const { target, key: kmsKeyArn } = migrations;
    const workflowId = workflowIds.volume(target, volumeId);
    const start = () =>
      migrations.world.start('migrateVolume', { target, volumeId, kmsKeyArn }, { workflowId });
    await migrations.phase(await start(), 'Soaking');
    const [made] = await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [volumeId] });
    const terminate = () => migrations.volume(volumeId).terminate('test');
    const terminated = migrations.meanwhile('CreateSnapshot', terminate);
    migrations.world.proxy.calls.length = 0;
    await migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
    await terminated;
    migrations.world.proxy.reset();
    await write(made?.VolumeId ?? '', 1, 5);
    const digest = await migrations.blocks.digest(made?.VolumeId ?? '');
    const second = await start();
    await migrations.phase(second, 'Soaking');
    await migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
    await awaitResult(second);
    expect(await holdersOf(migrations, digest)).not.toEqual([]);
  });
});
