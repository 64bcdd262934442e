import { CreateTagsCommand, DeleteTagsCommand, DeleteVolumeCommand } from '@aws-sdk/client-ec2';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { BackupWorld, DAY } from '../../support/backup';
import { failedResult } from '../../support/failure';
import { aVolume } from '../../support/seed';
import { throughout } from '../../support/throughout';

describe('the last points of what nobody backs up any more', () => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1 }));

  const ec2 = () => backups().world.home.ec2();
  const found = (policyName: string) => backups().snapshots(policyName);

  /** Two points of a volume, of which one is the last good one, long after their time. */
  async function twoPoints(policyName: string): Promise<string> {
    const volumeId = await aVolume(backups().world.home, { tags: { policy: policyName } });
    await backups().policy(policyName);
    await backups().points(policyName, 2, DAY);
    backups().world.clock.offset = 20 * DAY;
    return volumeId;
  }
  const expire = () => backups().world.run<EnforceExpiryResult>('enforceExpiry', {});
  const sweep = (more: object = {}) => backups().world.run<SweepOrphansResult>('sweepOrphans', more);
  const linesOf = ({ found: { items } }: SweepOrphansResult, id: string) =>
    items.filter(({ kind, resourceId }) => kind === 'points' && resourceId === id);

  it.each<[string, string, (volumeId: string, policyName: string) => Promise<unknown>, RegExp]>([
    ['deleted', 'gone', (VolumeId) => ec2().send(new DeleteVolumeCommand({ VolumeId })), /stay: it is gone;/],
    [
      'not selected any more',
      'parted',
      (id) => ec2().send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'policy' }] })),
      /stay: policy parted does not back it up here any more;/,
    ],
    [
      'of a policy that is deleted',
      'dropped',
      (_, policyName) => backups().world.run('deleteBackupPolicy', { policyName }),
      /stay: policy dropped does not back it up here any more;/,
    ],
  ])('are told and stay, and go with a word: of what is %s', async (_, policyName, end, why) => {
    const volumeId = await twoPoints(policyName);
    await end(volumeId, policyName);
    await expire();
    expect(await found(policyName)).toHaveLength(1);
    const told = linesOf(await sweep(), volumeId);
    expect(told).toMatchObject([{ kind: 'points', removable: false }]);
    expect(told[0]?.reason).toMatch(why);
    await sweep({ dryRun: false });
    expect(linesOf(await sweep({ letGo: [volumeId] }), volumeId)).toMatchObject([{ removable: true }]);
    expect(await found(policyName)).toHaveLength(1);
    const { deleted } = await sweep({ dryRun: false, letGo: [volumeId] });
    expect(deleted.total).toBe(1);
    expect(await found(policyName)).toEqual([]);
  });

  it('stay whatever is said, while they are held', async () => {
    const volumeId = await twoPoints('held');
    await ec2().send(new DeleteVolumeCommand({ VolumeId: volumeId }));
    const [Resources, Tags] = [
      (await found('held')).flatMap(({ SnapshotId }) => SnapshotId ?? []),
      [{ Key: 'holdfast:legal-hold:h', Value: 'case 7' }],
    ];
    await ec2().send(new CreateTagsCommand({ Resources, Tags }));
    await failedResult(sweep({ dryRun: false, letGo: [volumeId] }), FAILURE.allFailed);
    expect(await found('held')).toHaveLength(2);
  });

  it('stay while their policy is paused, which is said', async () => {
    const volumeId = await twoPoints('asleep');
    await ec2().send(new DeleteVolumeCommand({ VolumeId: volumeId }));
    await expire();
    await backups().world.client.schedule.getHandle('policy/asleep').pause('moving house');
    expect(linesOf(await sweep({ letGo: [volumeId] }), volumeId)).toMatchObject([{ removable: false }]);
    const { failed } = await failedResult<SweepOrphansResult>(
      sweep({ dryRun: false, letGo: [volumeId] }),
      FAILURE.allFailed,
    );
    expect(failed.items[0]?.message).toContain('stay: its policy is paused');
    expect(await found('asleep')).toHaveLength(1);
  });

  it('are not those of what is backed up still', async () => {
    const volumeId = await twoPoints('living');
    const { failed, ...result } = await failedResult<SweepOrphansResult>(
      sweep({ dryRun: false, letGo: [volumeId] }),
      FAILURE.allFailed,
    );
    expect(linesOf({ failed, ...result }, volumeId)).toEqual([]);
    expect(failed.items).toMatchObject([{ item: volumeId, type: FAILURE.notFound }]);
    expect(await found('living')).toHaveLength(2);
  });
});
