import {
  CreateImageUsageReportCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeFastSnapshotRestoresCommand,
  DescribeImageUsageReportEntriesCommand,
  DescribeLockedSnapshotsCommand,
  DescribeSnapshotsCommand,
  DescribeSnapshotTierStatusCommand,
  DescribeVolumesCommand,
  DescribeVolumeStatusCommand,
  DisableFastSnapshotRestoresCommand,
  EnableFastSnapshotRestoresCommand,
  ListSnapshotsInRecycleBinCommand,
  RestoreSnapshotFromRecycleBinCommand,
  LockSnapshotCommand,
  ModifySnapshotTierCommand,
  ModifyVolumeCommand,
  RestoreSnapshotTierCommand,
  UnlockSnapshotCommand,
  CopyVolumesCommand,
} from '@aws-sdk/client-ec2';
import { ListKeyRotationsCommand, EnableKeyRotationCommand } from '@aws-sdk/client-kms';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, instance } from '../support/seed';

const [HOUR, DAY] = [3600, 86_400];

describe('what takes days, by the clock', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '0');
    account = await aws.account();
  });
  afterAll(() => aws.stop());

  const ec2 = () => account.ec2();
  const advance = (seconds: number) => aws.control.post('clock', { advance: seconds });
  async function aSnapshot(volumeId?: string): Promise<string> {
    const VolumeId = volumeId ?? (await aVolume(account, { size: 1 }));
    await advance(60);
    const { SnapshotId = '' } = await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    await advance(HOUR);
    return SnapshotId;
  }
  const tier = async (id: string) => {
    const { Snapshots } = await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
    return Snapshots?.[0]?.StorageTier;
  };

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html */
  it('a compliance lock cannot be taken back after its cool-off, only extended, and ends', async () => {
    const SnapshotId = await aSnapshot();
    const lock = (LockDuration: number, CoolOffPeriod?: number) =>
      ec2().send(
        new LockSnapshotCommand({ SnapshotId, LockMode: 'compliance', LockDuration, CoolOffPeriod }),
      );
    const state = async () => {
      const { Snapshots } = await ec2().send(
        new DescribeLockedSnapshotsCommand({ SnapshotIds: [SnapshotId] }),
      );
      return Snapshots?.[0]?.LockState;
    };
    await lock(2, 1);
    await advance(HOUR + 1);
    expect(await state()).toBe('compliance');
    await expect(ec2().send(new UnlockSnapshotCommand({ SnapshotId }))).rejects.toThrow('cannot be unlocked');
    await expect(lock(1)).rejects.toThrow('only be extended');
    await lock(3);
    await advance(2.5 * DAY);
    await expect(ec2().send(new DeleteSnapshotCommand({ SnapshotId }))).rejects.toThrow('locked');
    await advance(DAY);
    expect(await state()).toBe('expired');
    await ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html */
  it('an archived snapshot makes no volume until it is restored, for days or for ever', async () => {
    const SnapshotId = await aSnapshot();
    await ec2().send(new ModifySnapshotTierCommand({ SnapshotId, StorageTier: 'archive' }));
    const status = async () => {
      const Filters = [{ Name: 'snapshot-id', Values: [SnapshotId] }];
      const { SnapshotTierStatuses } = await ec2().send(new DescribeSnapshotTierStatusCommand({ Filters }));
      return SnapshotTierStatuses?.[0]?.LastTieringOperationStatus;
    };
    expect([await tier(SnapshotId), await status()]).toEqual(['standard', 'archival-in-progress']);
    await advance(4 * DAY);
    expect([await tier(SnapshotId), await status()]).toEqual(['archive', 'archival-completed']);
    const create = () => ec2().send(new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId }));
    await expect(create()).rejects.toThrow('archived');
    await ec2().send(new RestoreSnapshotTierCommand({ SnapshotId, TemporaryRestoreDays: 2 }));
    await expect(create()).rejects.toThrow('archived');
    await advance(3 * DAY);
    await create();
    await advance(2 * DAY);
    expect(await tier(SnapshotId)).toBe('archive');
    await ec2().send(new RestoreSnapshotTierCommand({ SnapshotId, PermanentRestore: true }));
    await advance(30 * DAY);
    expect(await tier(SnapshotId)).toBe('standard');
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#archive-quotas */
  it('a volume has 25 archived snapshots', async () => {
    const VolumeId = await aVolume(account, { size: 1 });
    const archive = async () => {
      await ec2().send(
        new ModifySnapshotTierCommand({ SnapshotId: await aSnapshot(VolumeId), StorageTier: 'archive' }),
      );
      await advance(4 * DAY);
    };
    await aws.control.post('limits', { on: true });
    for (let count = 0; count < 25; count++) await archive();
    await expect(archive()).rejects.toMatchObject({ name: 'ArchivedSnapshotsPerVolumeLimitExceeded' });
    await aws.control.post('limits', { on: false });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html */
  it('a volume of a snapshot is used at once and initialized later, at the rate that was paid for', async () => {
    const SnapshotId = await aSnapshot();
    const { VolumeId = '' } = await ec2().send(
      new CreateVolumeCommand({
        AvailabilityZone: 'us-east-1a',
        SnapshotId,
        Size: 300,
        VolumeInitializationRate: 100,
      }),
    );
    await advance(60);
    const details = async () => {
      const { VolumeStatuses } = await ec2().send(new DescribeVolumeStatusCommand({ VolumeIds: [VolumeId] }));
      return VolumeStatuses?.[0]?.InitializationStatusDetails;
    };
    expect(await details()).toMatchObject({ InitializationType: 'provisioned', Progress: 1 });
    await advance(3072);
    expect(await details()).toMatchObject({ Progress: 100, EstimatedTimeToCompleteInSeconds: 0 });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html */
  it('a region copies five volumes at a time, and one of a source', async () => {
    const sources = await Promise.all(Array.from({ length: 6 }, () => aVolume(account, { size: 100 })));
    await advance(60);
    const copy = (SourceVolumeId: string) =>
      ec2().send(new CopyVolumesCommand({ SourceVolumeId, VolumeType: 'gp3' }));
    for (const source of sources.slice(0, 5)) await copy(source);
    const limit = { name: 'ResourceLimitExceeded' };
    await expect(copy(sources[5] ?? '')).rejects.toMatchObject(limit);
    await advance(6 * HOUR);
    await copy(sources[5] ?? '');
    await expect(copy(sources[5] ?? '')).rejects.toMatchObject(limit);
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html */
  it('a volume is modified four times a day, and not while it is being modified', async () => {
    const VolumeId = await aVolume(account, { size: 1 });
    await advance(60);
    const grow = (Size: number) => ec2().send(new ModifyVolumeCommand({ VolumeId, Size }));
    await grow(2);
    await expect(grow(3)).rejects.toMatchObject({ name: 'IncorrectModificationState' });
    for (const size of [3, 4, 5]) {
      await advance(HOUR);
      await grow(size);
    }
    await advance(HOUR);
    await expect(grow(6)).rejects.toMatchObject({ name: 'VolumeModificationRateExceeded' });
    await advance(DAY);
    await grow(6);
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-fast-snapshot-restore.html */
  it('five snapshots a region have fast restore', async () => {
    await aws.control.post('limits', { on: true });
    const AvailabilityZones = ['us-east-1a'];
    const enable = (SourceSnapshotIds: string[]) =>
      ec2().send(new EnableFastSnapshotRestoresCommand({ AvailabilityZones, SourceSnapshotIds }));
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) ids.push(await aSnapshot());
    const { Successful = [], Unsuccessful = [] } = await enable(ids);
    expect([Successful.length, Unsuccessful.length]).toEqual([5, 1]);
    const states = async () => {
      const { FastSnapshotRestores = [] } = await ec2().send(new DescribeFastSnapshotRestoresCommand({}));
      return new Set(FastSnapshotRestores.map(({ State }) => State));
    };
    expect(await states()).toEqual(new Set(['optimizing']));
    await advance(HOUR);
    expect(await states()).toEqual(new Set(['enabled']));
    await ec2().send(new DisableFastSnapshotRestoresCommand({ AvailabilityZones, SourceSnapshotIds: ids }));
    expect(await states()).toEqual(new Set());
    await aws.control.post('limits', { on: false });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html */
  it('a deleted snapshot comes back from the Recycle Bin as long as it is kept there', async () => {
    const where = { accountId: account.accountId, region: 'us-east-1' };
    await aws.control.post('recycleBin', { ...where, days: 7 });
    const SnapshotId = await aSnapshot();
    const restore = () => ec2().send(new RestoreSnapshotFromRecycleBinCommand({ SnapshotId }));
    await ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
    const { Snapshots } = await ec2().send(
      new ListSnapshotsInRecycleBinCommand({ SnapshotIds: [SnapshotId] }),
    );
    expect(Snapshots).toHaveLength(1);
    await restore();
    expect(await tier(SnapshotId)).toBe('standard');
    await ec2().send(new DeleteSnapshotCommand({ SnapshotId }));
    await advance(8 * DAY);
    await expect(restore()).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
    await aws.control.post('recycleBin', { ...where, days: 0 });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/your-ec2-ami-usage.html */
  it('an image’s usage is reported by account', async () => {
    await aws.control.post('clock', { speed: 1000 });
    const { instanceId } = await anInstance(account, { data: [] });
    await aws.control.post('clock', { speed: 0 });
    const ImageId = (await instance(account, instanceId)).ImageId ?? '';
    const { ReportId = '' } = await ec2().send(
      new CreateImageUsageReportCommand({ ImageId, ResourceTypes: [{ ResourceType: 'ec2:Instance' }] }),
    );
    const { ImageUsageReportEntries } = await ec2().send(
      new DescribeImageUsageReportEntriesCommand({ ReportIds: [ReportId] }),
    );
    expect(ImageUsageReportEntries).toMatchObject([{ AccountId: account.accountId, UsageCount: 1 }]);
  });

  it('is all forgotten by a reset', async () => {
    const own = await AwsServer.start();
    const home = await own.account();
    await aVolume(home);
    await own.control.post('faults', { effect: { delay: 0 } });
    await own.control.post('reset', {});
    expect(await own.control.get('faults')).toEqual([]);
    await expect(home.ec2().send(new DescribeVolumesCommand({}))).resolves.toMatchObject({ Volumes: [] });
    own.stop();
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html */
  it('a key rotates once a period', async () => {
    const KeyId = await aKey(account);
    await account.kms().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    await advance(181 * DAY);
    const { Rotations = [] } = await account.kms().send(new ListKeyRotationsCommand({ KeyId }));
    expect(Rotations.map(({ RotationType }) => RotationType)).toEqual(['AUTOMATIC', 'AUTOMATIC']);
  });
});
