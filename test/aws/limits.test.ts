import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aVolume } from '../support/seed';
import { until } from '../support/until';

interface Count {
  action: string;
  calls: number;
  throttles: number;
}

/** Asks once: what is refused here must not be tried again by the SDK. */
const ONCE = { maxAttempts: 1 };

describe('limits', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let ec2: EC2Client;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '1');
    // Buckets fill by the clock: on a slow machine a running one would fill them between two calls.
    await aws.control.post('clock', { speed: 0 });
  });
  afterAll(() => aws.stop());
  beforeEach(async () => {
    await aws.control.post('limits', { on: false });
    account = await aws.account();
    const { credentials } = account;
    ec2 = new EC2Client({ region: 'us-east-1', endpoint: aws.endpoint, credentials, ...ONCE });
  });
  afterEach(() => ec2.destroy());

  /** How many of so many calls at once are refused, and with which errors. */
  async function refused(count: number, call: () => Promise<unknown>): Promise<string[]> {
    const ends = await Promise.allSettled(Array.from({ length: count }, call));
    return ends.flatMap((end) => (end.status === 'rejected' ? (end.reason as Error).name : []));
  }
  const ready = async (spec: { size: number; type?: 'st1' }): Promise<string> => {
    const id = await aVolume(account, spec);
    await aws.control.post('clock', { advance: 60 });
    return id;
  };

  /** https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
  it('throttles an API when its bucket is empty, and fills the bucket with time', async () => {
    await aws.control.post('limits', { on: true });
    const call = () => ec2.send(new DescribeVolumesCommand({}));
    expect(await refused(50, call)).toEqual([]);
    const over = await refused(30, call);
    expect(over).toEqual(Array<string>(30).fill('RequestLimitExceeded'));
    await aws.control.post('clock', { advance: 2 });
    expect(await refused(20, call)).toEqual([]);
  });

  it('keeps a bucket for each API, account and region', async () => {
    await aws.control.post('limits', { on: true });
    await refused(80, () => ec2.send(new DescribeVolumesCommand({})));
    await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    const other = await aws.account();
    await other.ec2().send(new DescribeVolumesCommand({}));
    await account.ec2('eu-west-1').send(new DescribeVolumesCommand({}));
  });

  /** https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html */
  it('lets CloudTrail be asked twice a second', async () => {
    await aws.control.post('limits', { on: true });
    const { credentials } = account;
    const trail = new CloudTrailClient({ region: 'us-east-1', endpoint: aws.endpoint, credentials, ...ONCE });
    const errors = await refused(5, () => trail.send(new LookupEventsCommand({})));
    trail.destroy();
    expect(errors).toEqual(Array<string>(3).fill('ThrottlingException'));
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html */
  it('throttles KMS by its own error', async () => {
    await aws.control.post('limits', { on: true });
    const { credentials } = account;
    const kms = new KMSClient({ region: 'us-east-1', endpoint: aws.endpoint, credentials, ...ONCE });
    const errors = await refused(15, () => kms.send(new CreateKeyCommand({})));
    kms.destroy();
    expect(new Set(errors)).toEqual(new Set(['ThrottlingException']));
  });

  /** https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
  it.each([
    ['gp3', 5, {}],
    ['st1', 1, { type: 'st1' as const }],
  ])('allows a %s volume %i pending snapshots', async (_, most, more) => {
    const VolumeId = await ready({ size: 500, ...more });
    await aws.control.post('limits', { on: true });
    const errors: string[] = [];
    for (let count = 0; count < most + 2; count++) {
      errors.push(...(await refused(1, () => ec2.send(new CreateSnapshotCommand({ VolumeId })))));
      await aws.control.post('clock', { advance: 15 });
    }
    expect(errors).toEqual(['ConcurrentSnapshotLimitExceeded', 'ConcurrentSnapshotLimitExceeded']);
    await aws.control.post('clock', { advance: 7200 });
    await ec2.send(new CreateSnapshotCommand({ VolumeId }));
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
  it('wants 15 seconds between the pending snapshots of a volume', async () => {
    const VolumeId = await ready({ size: 500 });
    await aws.control.post('limits', { on: true });
    const create = () => ec2.send(new CreateSnapshotCommand({ VolumeId }));
    expect(await refused(2, create)).toEqual(['SnapshotCreationPerVolumeRateExceeded']);
    await aws.control.post('clock', { advance: 16 });
    expect(await refused(1, create)).toEqual([]);
  });

  it('allows an account 100 pending snapshots', async () => {
    const create = new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 500, VolumeType: 'gp3' });
    const volumes = await Promise.all(Array.from({ length: 102 }, () => ec2.send(create)));
    await aws.control.post('clock', { advance: 60 });
    await aws.control.post('limits', { on: true });
    const errors: string[] = [];
    for (const [index, { VolumeId }] of volumes.entries()) {
      // Half-way the bucket of the API gets time to fill.
      if (index === 50) await aws.control.post('clock', { advance: 20 });
      errors.push(...(await refused(1, () => ec2.send(new CreateSnapshotCommand({ VolumeId })))));
    }
    expect(errors).toEqual(['PendingSnapshotLimitExceeded', 'PendingSnapshotLimitExceeded']);
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html */
  it('allows 20 copies at once to a region', async () => {
    const VolumeId = await ready({ size: 100 });
    const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
    await aws.control.post('clock', { advance: 3600 });
    await until(async () => {
      const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
      return Snapshots?.[0]?.State === 'completed';
    });
    await aws.control.post('limits', { on: true });
    const there = account.ec2('eu-west-1');
    const copy = new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId });
    expect(await refused(22, () => there.send(copy))).toEqual([
      'ResourceLimitExceeded',
      'ResourceLimitExceeded',
    ]);
  });

  it('are off unless somebody switches them on, and calls are counted either way', async () => {
    expect(await refused(120, () => ec2.send(new DescribeVolumesCommand({})))).toEqual([]);
    await aws.control.post('limits', { on: true });
    await refused(70, () => ec2.send(new DescribeVolumesCommand({})));
    const counts = await aws.control.get<Count[]>(`calls?accountId=${account.accountId}`);
    const described = counts.find(({ action }) => action === 'DescribeVolumes');
    expect(described?.calls).toBe(190);
    expect(described?.throttles).toBe(20);
    await aws.control.delete('calls');
    expect(await aws.control.get('calls')).toEqual([]);
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
  describe('of storage, as Service Quotas tells', () => {
    const quota = (code: string, value: number) =>
      aws.control.post('quotas', { accountId: account.accountId, region: 'us-east-1', code, value });
    const volume = (spec: object) =>
      refused(1, () => ec2.send(new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', ...spec })));

    it('refuse a volume beyond the type’s TiB', async () => {
      await quota('L-7A658B76', 1);
      await aws.control.post('limits', { on: true });
      expect(await volume({ Size: 1000, VolumeType: 'gp3' })).toEqual([]);
      expect(await volume({ Size: 100, VolumeType: 'gp3' })).toEqual(['VolumeLimitExceeded']);
      expect(await volume({ Size: 100, VolumeType: 'gp2' })).toEqual([]);
    });

    it('refuse IOPS beyond the type’s', async () => {
      await quota('L-8D977E7E', 5_000);
      await aws.control.post('limits', { on: true });
      expect(await volume({ Size: 10, VolumeType: 'io2', Iops: 3_000 })).toEqual([]);
      expect(await volume({ Size: 10, VolumeType: 'io2', Iops: 3_000 })).toEqual(['MaxIOPSLimitExceeded']);
    });

    it('refuse snapshots beyond the region’s', async () => {
      const VolumeId = await ready({ size: 1 });
      await quota('L-309BACF6', 1);
      await aws.control.post('limits', { on: true });
      const snapshot = () => ec2.send(new CreateSnapshotCommand({ VolumeId }));
      expect(await refused(1, snapshot)).toEqual([]);
      await aws.control.post('clock', { advance: 60 });
      expect(await refused(1, snapshot)).toEqual(['SnapshotLimitExceeded']);
    });

    it('does not know a quota that EBS has not', async () => {
      await expect(quota('L-00000000', 1)).rejects.toThrow('L-00000000');
    });
  });
});
