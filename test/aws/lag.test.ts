import {
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  RunInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { anImage, anInstance, aVolume, instance, volume } from '../support/seed';

/** https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html */
describe('reads that lag behind writes', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    account = await aws.account();
  });
  afterAll(() => aws.stop());
  beforeEach(() => aws.control.post('lag', { seconds: 0 }));

  const ec2 = () => account.ec2();

  it('show a snapshot after the lag: not by id, nor in a list', async () => {
    const VolumeId = await aVolume(account);
    await aws.control.post('lag', { seconds: 60 });
    const { SnapshotId = '' } = await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    const list = async () => {
      const Filters = [{ Name: 'volume-id', Values: [VolumeId] }];
      return (await ec2().send(new DescribeSnapshotsCommand({ Filters }))).Snapshots ?? [];
    };
    const byId = () => ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
    expect(await list()).toEqual([]);
    await expect(byId()).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
    await aws.control.post('clock', { advance: 61 });
    expect(await list()).toHaveLength(1);
    expect((await byId()).Snapshots).toHaveLength(1);
  });

  it('show a volume after the lag, although calls that act on it find it', async () => {
    await aws.control.post('lag', { seconds: 60 });
    const VolumeId = await aVolume(account);
    const byId = () => ec2().send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }));
    await expect(byId()).rejects.toMatchObject({ name: 'InvalidVolume.NotFound' });
    await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    await aws.control.post('clock', { advance: 61 });
    expect((await byId()).Volumes).toHaveLength(1);
  });

  it('show an image after the lag', async () => {
    const { instanceId } = await anInstance(account, { data: [] });
    await aws.control.post('lag', { seconds: 60 });
    const { ImageId } = await ec2().send(
      new CreateImageCommand({ InstanceId: instanceId, Name: 'late', NoReboot: true }),
    );
    const mine = async () => (await ec2().send(new DescribeImagesCommand({ Owners: ['self'] }))).Images ?? [];
    const isShown = async () => (await mine()).some((image) => image.ImageId === ImageId);
    expect(await isShown()).toBe(false);
    await aws.control.post('clock', { advance: 61 });
    expect(await isShown()).toBe(true);
  });

  describe('are of a moment ago', () => {
    const late = () => aws.control.post('lag', { seconds: 60 });
    const later = () => aws.control.post('clock', { advance: 61 });

    it('in the states of instances', async () => {
      const { instanceId } = await anInstance(account, { data: [] });
      await later();
      await late();
      const state = async () => (await instance(account, instanceId)).State?.Name;
      await ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
      expect(await state()).toBe('running');
      await later();
      expect(await state()).toBe('stopped');
    });

    it('in attachments', async () => {
      const { volumes } = await anInstance(account);
      const VolumeId = volumes['/dev/sdf'] ?? '';
      await later();
      await late();
      await ec2().send(new DetachVolumeCommand({ VolumeId }));
      expect(await volume(account, VolumeId)).toMatchObject({
        State: 'in-use',
        Attachments: [{ State: 'attached' }],
      });
      await later();
      expect(await volume(account, VolumeId)).toMatchObject({ State: 'available' });
    });

    it('in tags, and in lists that are filtered by them', async () => {
      const VolumeId = await aVolume(account);
      await later();
      await late();
      await ec2().send(
        new CreateTagsCommand({ Resources: [VolumeId], Tags: [{ Key: 'late', Value: VolumeId }] }),
      );
      const Filters = [{ Name: 'tag:late', Values: [VolumeId] }];
      const found = async () => (await ec2().send(new DescribeVolumesCommand({ Filters }))).Volumes ?? [];
      expect((await volume(account, VolumeId)).Tags ?? []).toEqual([]);
      expect(await found()).toHaveLength(0);
      await later();
      expect(await found()).toHaveLength(1);
    });

    it('for instances that were just started', async () => {
      const ImageId = await anImage(account);
      await later();
      await late();
      const { Instances = [] } = await ec2().send(
        new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
      );
      const id = Instances[0]?.InstanceId ?? '';
      await expect(instance(account, id)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
      await later();
      expect((await instance(account, id)).InstanceId).toBe(id);
    });
  });
});
