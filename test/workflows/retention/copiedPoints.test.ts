import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyRecoveryPointsResult } from '../../../src/model/copies/copy';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { workflowIds } from '../../../src/model/ids';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { BackupWorld, DAY, DR } from '../../support/backup';
import { aVolume, tagsOf } from '../../support/seed';
import { throughout } from '../../support/throughout';

type Way = 'CopySnapshot' | 'CreateSnapshot';
const WAYS: Way[] = ['CopySnapshot', 'CreateSnapshot'];

/** Somebody copies snapshots with all tags and the description, in the two ways that EC2 has for it. */
describe.each(WAYS)('points that somebody has copied by %s, with all their marks', (way) => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1 }));

  const policy = (policyName: string, more?: object) => backups().policy(policyName, { ...more });
  const backUp = (policyName: string) => backups().world.run<RunBackupResult>('runBackup', { policyName });
  const expire = (more: object = {}) => backups().world.run<EnforceExpiryResult>('enforceExpiry', more);
  const sweep = () => backups().world.run<SweepOrphansResult>('sweepOrphans', { dryRun: false });
  const found = (policyName: string, region?: string) => backups().snapshots(policyName, region);
  const idsOf = (list: readonly Snapshot[]) => list.map(({ SnapshotId = '' }) => SnapshotId).sort();

  /** In the region of the snapshot itself; later, because what is copied has to be there. */
  async function copied(snapshot: Snapshot, region = HOME_REGION): Promise<Snapshot> {
    await backups().aws.control.post('clock', { advance: 60 });
    const { SnapshotId, VolumeId, Description, Tags = [] } = snapshot;
    const own = Tags.filter(({ Key = '' }: Tag) => !Key.startsWith('aws:'));
    const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags: own }];
    const ec2 = backups().world.home.ec2(region);
    const { SnapshotId: id = '' } =
      way === 'CopySnapshot'
        ? await ec2.send(
            new CopySnapshotCommand({
              SourceRegion: region,
              SourceSnapshotId: SnapshotId,
              Description,
              TagSpecifications,
            }),
          )
        : await ec2.send(new CreateSnapshotCommand({ VolumeId, Description, TagSpecifications }));
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
    return Snapshots[0] ?? {};
  }
  async function isUntouched(copy: Snapshot, region?: string): Promise<void> {
    const SnapshotIds = [copy.SnapshotId ?? ''];
    const { Snapshots = [] } = await backups()
      .world.home.ec2(region)
      .send(new DescribeSnapshotsCommand({ SnapshotIds }));
    expect(Snapshots).toMatchObject([{ SnapshotId: copy.SnapshotId, State: 'completed' }]);
    expect(tagsOf(Snapshots[0] ?? {})).toEqual(tagsOf(copy));
  }

  it('are the same after a sweep, and the copies too', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'swept' } });
    await policy('swept');
    await backUp('swept');
    const [first] = (await found('swept')) as [Snapshot];
    const copy = await copied(first);
    backups().world.clock.offset = 1000 * DAY;
    const { found: orphans, deleted } = await sweep();
    expect(deleted.total).toBe(0);
    expect(orphans.items).toEqual([
      expect.objectContaining({ resourceId: copy.SnapshotId, removable: false }),
    ]);
    await isUntouched(copy);
    expect(idsOf(await found('swept'))).toEqual(idsOf([first, copy]));
  });

  it('are made once a slot, whatever is beside them', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'again' } });
    await policy('again');
    const run = await backups().world.start('backupTarget', await slotOf('again'));
    await awaitResult(run);
    const [first] = (await found('again')) as [Snapshot];
    const copy = await copied(first);
    const again = await backups().world.run<{
      created: number;
      recoveryPoints: { items: { snapshotIds: string[] }[] };
    }>('backupTarget', await slotOf('again'));
    expect(again.created).toBe(0);
    expect(again.recoveryPoints.items[0]?.snapshotIds).toEqual([first.SnapshotId]);
    await isUntouched(copy);
    expect(idsOf(await found('again'))).toEqual(idsOf([first, copy]));
  });
  const slotMs = Date.now();
  async function slotOf(policyName: string): Promise<object> {
    const { action } = await backups().world.client.schedule.getHandle(`policy/${policyName}`).describe();
    const args: readonly unknown[] = action.type === 'startWorkflow' ? (action.args ?? []) : [];
    const target = { accountId: backups().world.home.accountId, region: HOME_REGION };
    return { policy: args[0], target, slotMs, begunMs: slotMs };
  }

  it('expire only where nobody else may be the point, and the copies never do', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'old' } });
    await policy('old', { rpo: '3000d' });
    await backUp('old');
    const [first] = (await found('old')) as [Snapshot];
    const copy = await copied(first);
    backups().world.clock.offset = 2 * DAY;
    await backUp('old');
    backups().world.clock.offset = 4 * DAY;
    for (let run = 1; run <= 2; run += 1) {
      const { kept, notOurs } = await expire();
      await isUntouched(copy);
      const left = idsOf(await found('old'));
      if (way === 'CopySnapshot') {
        // AWS itself says that it is a copy: the point's own goes when it is due.
        expect(left).not.toContain(first.SnapshotId);
        expect(notOurs?.items).toContainEqual(expect.objectContaining({ snapshotId: copy.SnapshotId }));
      } else {
        expect(left).toContain(first.SnapshotId);
        expect(kept.items).toContainEqual(
          expect.objectContaining({
            reason: 'several snapshots claim to be it',
            snapshotIds: [first.SnapshotId, copy.SnapshotId],
          }),
        );
      }
    }
  });

  it('count once: the newest that must stay are points, not copies of one', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'kept' } });
    await policy('kept', { minKeep: 2, rpo: '3000d' });
    await backUp('kept');
    const [first] = (await found('kept')) as [Snapshot];
    backups().world.clock.offset = 2 * DAY;
    await backUp('kept');
    const newest = (await found('kept')).find(({ SnapshotId }) => SnapshotId !== first.SnapshotId) ?? {};
    const copy = await copied(newest);
    backups().world.clock.offset = 4 * DAY;
    expect((await expire()).expired.items).toEqual([]);
    expect(idsOf(await found('kept'))).toEqual(idsOf([first, newest, copy]));
    await isUntouched(copy);
  });

  it('are what is copied elsewhere, and the copies of others are not', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'vaulted' } });
    await policy('vaulted', { copies: [{ toRegion: DR, retention: '90d' }] });
    await awaitResult(await backups().world.start('backupTarget', await slotOf('vaulted')));
    const [first] = (await found('vaulted')) as [Snapshot];
    const beside = await copied(first);
    const target = { accountId: backups().world.home.accountId, region: HOME_REGION };
    const terms = { toRegion: DR, retention: { keep: '90d' } };
    const job = { policyName: 'vaulted', slotMs, target, terms, timezone: 'UTC', rpoMs: 1 };
    expect(await backups().world.run<CopyRecoveryPointsResult>('copyRecoveryPoints', job)).toMatchObject({
      copied: 1,
    });
    const there = await found('vaulted', DR);
    expect(there.map((each) => tagsOf(each)['holdfast:copy-of'])).toEqual([first.SnapshotId]);
    // What somebody makes of the copy is neither it, nor deleted as a second one.
    const copy = await copied(there[0] ?? {}, DR).catch(() => undefined);
    expect(await backups().world.run<CopyRecoveryPointsResult>('copyRecoveryPoints', job)).toMatchObject({
      copied: 1,
    });
    backups().world.clock.offset = 1000 * DAY;
    await backups().world.run('sweepOrphans', { dryRun: false, targets: [{ region: DR }] });
    expect(idsOf(await found('vaulted', DR))).toEqual(idsOf([...there, ...(copy ? [copy] : [])]));
    await isUntouched(beside);
    if (copy) await isUntouched(copy, DR);
    await backups()
      .world.client.workflow.getHandle(
        workflowIds.copyQueue({ accountId: backups().world.home.accountId, region: DR }),
      )
      .describe();
  });
});
