import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, instance, stopped, volume } from '../support/seed';
import { until } from '../support/until';

describe('faults by rule', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let ec2: EC2Client;

  beforeAll(async () => {
    aws = await AwsServer.start();
    account = await aws.account();
    const { credentials } = account;
    ec2 = new EC2Client({ region: 'us-east-1', endpoint: aws.endpoint, credentials, maxAttempts: 1 });
  });
  afterAll(() => {
    ec2.destroy();
    aws.stop();
  });
  afterEach(() => aws.control.delete('faults'));

  const rule = (fault: object) => aws.control.post('faults', { accountId: account.accountId, ...fault });
  const snapshotsOf = async (id: string) => {
    const Filters = [{ Name: 'volume-id', Values: [id] }];
    return (await ec2.send(new DescribeSnapshotsCommand({ Filters }))).Snapshots ?? [];
  };
  const ended = async (id: string) => {
    const one = async () =>
      (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots?.[0];
    await until(async () => (await one())?.State !== 'pending');
    return one();
  };

  describe('on the wire', () => {
    it('an error, before anything takes effect; the nth call only', async () => {
      const VolumeId = await aVolume(account);
      await rule({
        action: 'CreateSnapshot',
        nth: 2,
        effect: { error: { code: 'InternalError', message: 'no', status: 500 } },
      });
      const create = () => ec2.send(new CreateSnapshotCommand({ VolumeId }));
      await create();
      await expect(create()).rejects.toMatchObject({ name: 'InternalError' });
      await create();
      expect(await snapshotsOf(VolumeId)).toHaveLength(2);
      expect(await aws.control.get('faults')).toMatchObject([{ seen: 3, hits: 1 }]);
    });

    it('a lost answer, after it took effect', async () => {
      const VolumeId = await aVolume(account);
      await rule({ action: 'CreateSnapshot', effect: { loseAnswer: true } });
      await expect(ec2.send(new CreateSnapshotCommand({ VolumeId }))).rejects.toThrow();
      expect(await snapshotsOf(VolumeId)).toHaveLength(1);
    });

    it('a reset, and nothing took effect', async () => {
      const VolumeId = await aVolume(account);
      await rule({ action: 'CreateSnapshot', effect: { reset: true } });
      await expect(ec2.send(new CreateSnapshotCommand({ VolumeId }))).rejects.toThrow();
      expect(await snapshotsOf(VolumeId)).toHaveLength(0);
    });

    it('a delay', async () => {
      await rule({ action: 'DescribeVolumes', effect: { delay: 0.3 } });
      const began = performance.now();
      await ec2.send(new DescribeVolumesCommand({}));
      expect(performance.now() - began).toBeGreaterThan(290);
    });

    it('for calls with a parameter, of an account and region', async () => {
      const [one, other] = await Promise.all([aVolume(account), aVolume(account)]);
      const effect = { error: { code: 'InternalError', status: 500 } };
      await rule({ action: 'Create*', region: 'us-east-1', parameters: { VolumeId: one }, effect });
      await expect(ec2.send(new CreateSnapshotCommand({ VolumeId: one }))).rejects.toThrow();
      await ec2.send(new CreateSnapshotCommand({ VolumeId: other }));
      await rule({ id: 'west', action: 'DescribeVolumes', region: 'eu-west-1', effect });
      await ec2.send(new DescribeVolumesCommand({}));
    });

    it('by chance', async () => {
      await rule({
        action: 'DescribeVolumes',
        chance: 0.5,
        effect: { error: { code: 'Unavailable', status: 503 } },
      });
      const ends = await Promise.allSettled(
        Array.from({ length: 60 }, () => ec2.send(new DescribeVolumesCommand({}))),
      );
      const refused = ends.filter(({ status }) => status === 'rejected').length;
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThan(60);
    });
  });

  describe('in what EC2 does', () => {
    it('a copy that ends in error', async () => {
      const { SnapshotId = '' } = await ec2.send(
        new CreateSnapshotCommand({ VolumeId: await aVolume(account) }),
      );
      await ended(SnapshotId);
      await rule({ action: 'CopySnapshot', nth: 1, effect: { fails: 'Something went wrong' } });
      const copy = new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId });
      const first = await ec2.send(copy);
      expect(await ended(first.SnapshotId ?? '')).toMatchObject({
        State: 'error',
        StateMessage: 'Something went wrong',
      });
      const second = await ec2.send(copy);
      expect(await ended(second.SnapshotId ?? '')).toMatchObject({ State: 'completed' });
    });

    it('a volume that ends in error', async () => {
      await rule({ action: 'CreateVolume', effect: { fails: 'no space' } });
      const { VolumeId = '' } = await ec2.send(
        new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1 }),
      );
      await until(async () => (await volume(account, VolumeId)).State === 'error');
    });

    /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-detaching-volume.html#detach-troubleshoot */
    it('a detach that sticks in busy until the machine stops', async () => {
      const { instanceId, volumes } = await anInstance(account);
      const VolumeId = volumes['/dev/sdf'] ?? '';
      await rule({ action: 'DetachVolume', effect: { sticks: true } });
      await ec2.send(new DetachVolumeCommand({ VolumeId }));
      const attachment = async () => (await volume(account, VolumeId)).Attachments?.[0]?.State;
      await until(async () => (await attachment()) === 'busy');
      await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
      await until(async () => (await volume(account, VolumeId)).State === 'available');
    });

    it('no capacity at start', async () => {
      const { instanceId } = await anInstance(account, { data: [] });
      await stopped(account, instanceId);
      const error = { code: 'InsufficientInstanceCapacity', message: 'no capacity', status: 500 };
      await rule({ action: 'StartInstances', effect: { error } });
      const start = () => ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
      await expect(start()).rejects.toMatchObject({ name: 'InsufficientInstanceCapacity' });
      expect((await instance(account, instanceId)).State?.Name).toBe('stopped');
    });
  });

  describe('by other people', () => {
    it('an instance started while its volume is detached', async () => {
      const { instanceId, volumes } = await anInstance(account);
      await stopped(account, instanceId);
      await rule({
        action: 'DetachVolume',
        effect: {
          calls: [{ action: 'StartInstances', parameters: { 'InstanceId.1': '$InstanceId' } }],
        },
      });
      await ec2.send(new DetachVolumeCommand({ VolumeId: volumes['/dev/sdf'], InstanceId: instanceId }));
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      expect(['pending', 'running']).toContain(Reservations?.[0]?.Instances?.[0]?.State?.Name);
    });

    it('a key disabled half-way', async () => {
      const KmsKeyId = await aKey(account);
      await rule({
        action: 'CreateSnapshot',
        effect: { calls: [{ service: 'kms', action: 'DisableKey', parameters: { KeyId: KmsKeyId } }] },
      });
      await ec2.send(new CreateSnapshotCommand({ VolumeId: await aVolume(account) }));
      const { KeyMetadata } = await account.kms().send(new DescribeKeyCommand({ KeyId: KmsKeyId }));
      expect(KeyMetadata?.KeyState).toBe('Disabled');
    });

    it('a role revoked before the call reaches EC2', async () => {
      const own = await aws.account();
      const name = { RoleName: 'holdfast', PolicyName: 'holdfast' };
      await aws.control.post('faults', {
        accountId: own.accountId,
        action: 'CreateSnapshot',
        effect: { when: 'before', calls: [{ service: 'iam', action: 'DeleteRolePolicy', parameters: name }] },
      });
      const call = own.ec2().send(new CreateSnapshotCommand({ VolumeId: await aVolume(own) }));
      await expect(call).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    });
  });

  it('say what a rule lacks', async () => {
    await expect(rule({ action: 'CreateSnapshot' })).rejects.toThrow('a rule needs an effect');
  });
});
