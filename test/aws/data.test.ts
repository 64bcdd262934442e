import {
  CopySnapshotCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { Blocks } from '../../local/measure/blocks';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, instance, stopped, type SeededInstance } from '../support/seed';
import { until } from '../support/until';

/** https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html */
describe('what is on volumes and snapshots', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let blocks: Blocks;
  let machine: SeededInstance;
  let data = '';

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '1000');
    account = await aws.account();
    blocks = new Blocks(aws.endpoint, account);
    machine = await anInstance(account, { root: { size: 1 }, data: [{ device: '/dev/sdf', size: 2 }] });
    data = machine.volumes['/dev/sdf'] ?? '';
  });
  afterAll(() => aws.stop());

  const ec2 = () => account.ec2();
  async function snapshot(VolumeId: string): Promise<string> {
    const { SnapshotId = '' } = await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    return SnapshotId;
  }
  async function completed(id: string): Promise<string> {
    await until(async () => {
      const { Snapshots } = await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
      return Snapshots?.[0]?.State === 'completed';
    });
    return id;
  }

  it('is another after each write', async () => {
    const before = await blocks.digest(data);
    await blocks.write(data, 0, 7);
    const once = await blocks.digest(data);
    await blocks.write(data, 7);
    expect(new Set([before, once, await blocks.digest(data)]).size).toBe(3);
  });

  it('is in a snapshot what was written before it started, however long it takes', async () => {
    await blocks.write(data, 1);
    const then = await blocks.digest(data);
    const snapshotId = await snapshot(data);
    await blocks.write(data, 1);
    expect(await blocks.digest(snapshotId)).toBe(then);
    await completed(snapshotId);
    expect(await blocks.digest(snapshotId)).toBe(then);
    expect(await blocks.digest(data)).not.toBe(then);
  });

  it('goes along into copies under a key, and into volumes made from them', async () => {
    await blocks.write(data, 2, 3);
    const source = await completed(await snapshot(data));
    const { SnapshotId: copy = '' } = await ec2().send(
      new CopySnapshotCommand({
        SourceRegion: 'us-east-1',
        SourceSnapshotId: source,
        Encrypted: true,
        KmsKeyId: await aKey(account),
      }),
    );
    await completed(copy);
    const { VolumeId = '' } = await ec2().send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId: copy, VolumeType: 'gp3' }),
    );
    const expected = await blocks.digest(data);
    expect([await blocks.digest(copy), await blocks.digest(VolumeId)]).toEqual([expected, expected]);
  });

  it('is of one instant in all snapshots of CreateSnapshots', async () => {
    const root = machine.volumes['/dev/xvda'] ?? '';
    await Promise.all([blocks.write(root, 5), blocks.write(data, 5)]);
    const digests = await Promise.all([root, data].map((id) => blocks.digest(id)));
    const { Snapshots = [] } = await ec2().send(
      new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: machine.instanceId } }),
    );
    const taken = await Promise.all(
      [root, data].map((id) =>
        blocks.digest(Snapshots.find(({ VolumeId }) => VolumeId === id)?.SnapshotId ?? ''),
      ),
    );
    expect(taken).toEqual(digests);
  });

  it('comes with an image into the instances that start from it', async () => {
    await blocks.write(data, 9);
    const { ImageId = '' } = await ec2().send(
      new CreateImageCommand({ InstanceId: machine.instanceId, Name: 'with-data', NoReboot: true }),
    );
    await until(async () => {
      const { Images } = await ec2().send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
      return Images?.[0]?.State === 'available';
    });
    const { Instances } = await ec2().send(
      new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );
    const { BlockDeviceMappings = [] } = await instance(account, Instances?.[0]?.InstanceId ?? '');
    const started =
      BlockDeviceMappings.find(({ DeviceName }) => DeviceName === '/dev/sdf')?.Ebs?.VolumeId ?? '';
    expect(await blocks.digest(started)).toBe(await blocks.digest(data));
  });

  it('makes later snapshots as long as they differ, and first ones as long as the volume is big', async () => {
    const quick = await anInstance(account, { data: [{ device: '/dev/sdf', size: 500 }] });
    const id = quick.volumes['/dev/sdf'] ?? '';
    const stateAfter = async (snapshotId: string, seconds: number) => {
      await aws.control.post('clock', { advance: seconds });
      const { Snapshots } = await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }));
      return Snapshots?.[0]?.State;
    };
    await aws.control.post('clock', { speed: 0 });
    const first = await snapshot(id);
    expect(await stateAfter(first, 300)).toBe('pending');
    expect(await stateAfter(first, 86_400)).toBe('completed');
    await blocks.write(id, 1, 2, 3);
    expect(await stateAfter(await snapshot(id), 300)).toBe('completed');
    await aws.control.post('clock', { speed: 1000 });
  });

  it('cannot be written where nobody could: detached, stopped, or beyond the end', async () => {
    await expect(blocks.write(await aVolume(account), 0)).rejects.toThrow('not attached');
    await expect(blocks.write(data, 2 * 2048)).rejects.toThrow('has no block 4096');
    await stopped(account, machine.instanceId);
    await expect(blocks.write(data, 0)).rejects.toThrow('not attached to a running instance');
  });
});
