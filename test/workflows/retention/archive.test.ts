import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { RestoreFromArchiveResult } from '../../../src/model/retention/restoreFromArchive';
import { AwsServer } from '../../support/awsServer';
import { expectFailure } from '../../support/failure';
import { aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;

describe('the archive tier', () => {
  let aws: AwsServer;
  let world: World;
  let points: string[];

  /** Four points, a month and more apart. */
  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
    await aVolume(world.home, { tags: { policy: 'old' } });
    await world.run('createBackupPolicy', {
      policyName: 'old',
      frequency: '40d',
      retention: '20y',
      minKeep: 1,
      paused: true,
      archive: { after: '30d', atMost: 2 },
      selector: { tags: { all: { policy: 'old' } } },
    });
    points = [];
    for (let run = 0; run < 4; run += 1) {
      world.clock.offset = run * 40 * DAY;
      const { recoveryPoints } = await world.run<RunBackupResult>('runBackup', { policyName: 'old' });
      points.push(...recoveryPoints.items.map(({ recoveryPointId }) => recoveryPointId));
    }
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());

  const expire = (more: object = {}) => world.run<EnforceExpiryResult>('enforceExpiry', more);
  const archivedBy = ({ archived }: EnforceExpiryResult) =>
    archived.items.map(({ recoveryPointId }) => recoveryPointId);
  async function snapshots(): Promise<Snapshot[]> {
    const { Snapshots = [] } = await world.home
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    return Snapshots;
  }
  const inArchive = async () =>
    (await snapshots())
      .filter(({ StorageTier }) => StorageTier === 'archive')
      .map((snapshot) => tagsOf(snapshot)['holdfast:recovery-point'])
      .sort();

  it('is said to be where points would go, in a dry run, which changes nothing', async () => {
    expect(archivedBy(await expire({ dryRun: true })).sort()).toEqual(points.slice(0, 2).sort());
    expect(world.proxy.calls).not.toContainEqual(expect.objectContaining({ action: 'ModifySnapshotTier' }));
  });

  it('takes the old points once, also when an answer is lost, and as many as the policy says', async () => {
    world.proxy.fault('ModifySnapshotTier', { after: 'lose the response' }, 1);
    await expire();
    await until(async () => (await inArchive()).length === 2);
    expect(await inArchive()).toEqual(points.slice(0, 2).sort());
    expect(archivedBy(await expire())).toEqual([]);
    expect(await snapshots()).toHaveLength(4);
  });

  it('gives points back, for some days or for good', async () => {
    const [first = '', second = ''] = points;
    const some = await world.run<RestoreFromArchiveResult>('restoreFromArchive', {
      recoveryPointId: first,
      days: 180,
    });
    expect(some).toMatchObject({ recoveryPointId: first, snapshotIds: [expect.any(String)] });
    expect(Date.parse(some.backUntil ?? '')).not.toBeNaN();
    const all = await world.run<RestoreFromArchiveResult>('restoreFromArchive', { recoveryPointId: second });
    expect(all.backUntil).toBeUndefined();
    const tiers = new Map(
      (await snapshots()).map(({ SnapshotId, StorageTier }) => [SnapshotId, StorageTier]),
    );
    expect(tiers.get(all.snapshotIds[0])).toBe('standard');
  });

  it('knows no such point', async () => {
    const unknown = world.run('restoreFromArchive', { recoveryPointId: 'rp-0123456789abcdef0' });
    expect(await expectFailure(unknown, FAILURE.notFound)).toContain('name the target that it is in');
  });
});
