import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { HOME_REGION } from '../../support/accounts';
import { BackupWorld, DAY, DR } from '../../support/backup';
import { aVolume, tagsOf } from '../../support/seed';
import { throughout } from '../../support/throughout';

describe('expiry of a place with copies from an account that is not known any more', () => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1, rpo: '3000d' }));

  const copiesOf = (policyName: string) => backups().snapshots(policyName, DR);

  /** Two points with their copies, of which the first is due. */
  async function due(policyName: string): Promise<void> {
    await aVolume(backups().world.home, { tags: { policy: policyName } });
    await backups().policy(policyName, { copies: [{ toRegion: DR, retention: '1d' }] });
    await backups().points(policyName, 2, 2 * DAY);
  }

  it('keeps those, expires the others, and fails nothing', async () => {
    await due('sold');
    await due('open');
    const sold = (await copiesOf('sold')).flatMap(({ SnapshotId }) => SnapshotId ?? []);
    const Tags = [{ Key: 'holdfast:source-target', Value: `999999999999/${HOME_REGION}` }];
    await backups()
      .world.home.ec2(DR)
      .send(new CreateTagsCommand({ Resources: sold, Tags }));
    const result = await backups().expire(DR);
    expect(result.failed.items).toEqual([]);
    expect(await copiesOf('open')).toHaveLength(1);
    const left = (await copiesOf('sold')).map((each) => tagsOf(each)['holdfast:recovery-point']);
    expect(left.length).toBeGreaterThan(0);
    const kept = result.kept.items.map(({ recoveryPointId }) => recoveryPointId);
    expect(kept).toEqual(expect.arrayContaining(left));
  });
});
