import { DeleteVolumeCommand } from '@aws-sdk/client-ec2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../../src/activities';
import type { DeletedPoints } from '../../../src/activities/retention/expiry';
import type { RecoveryPointSummary } from '../../../src/model/backup/run';
import { BackupWorld, DAY } from '../../support/backup';
import { anInstance, aVolume } from '../../support/seed';
import { throughout } from '../../support/throughout';

const LATE = 'the newest point violates the RPO';

describe('an old point of what is late', () => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1 }));
  const activities = () => createActivities(backups().world.deps);

  const remove = (points: RecoveryPointSummary[]) =>
    new MockActivityEnvironment().run<[], DeletedPoints, () => Promise<DeletedPoints>>(() =>
      activities().deletePoints({ target: backups().target(), points }),
    );

  /** The older of two points of something whose backups fail since: only age says that it goes. */
  async function lateSince(policyName: string): Promise<RecoveryPointSummary[]> {
    await backups().policy(policyName);
    const runs = await backups().points(policyName, 2, DAY);
    const points = runs.flatMap(({ recoveryPoints }) => recoveryPoints.items);
    backups().world.clock.offset = 20 * DAY;
    backups().world.proxy.reset();
    return points.slice(0, 1);
  }
  it.each<[string, 'instance' | 'volume', string, number]>(
    (['instance', 'volume'] as const).flatMap((kind) =>
      ['DescribeInstances', 'DescribeVolumes'].flatMap((action) =>
        [1, 2].map((nth): [string, 'instance' | 'volume', string, number] => [
          `look ${nth} of ${action} does not show an ${kind} that is there`.replace('an v', 'a v'),
          ...([kind, action, nth] as const),
        ]),
      ),
    ),
  )('stays when %s: what one answer lacks is not gone', async (what, kind, action, nth) => {
    const policyName = what.replace(/\W+/g, '-').slice(0, 60);
    const tags = { policy: policyName };
    await (kind === 'instance'
      ? anInstance(backups().world.home, { tags })
      : aVolume(backups().world.home, { tags }));
    const points = await lateSince(policyName);
    backups().world.proxy.fault(action, { shows: 'nothing' }, nth);
    expect(await remove(points)).toMatchObject({ deleted: [], failed: [], kept: [{ reason: LATE }] });
  });

  it('goes when its source is gone in every look', async () => {
    const VolumeId = await aVolume(backups().world.home, { tags: { policy: 'vanished' } });
    const points = await lateSince('vanished');
    expect(await remove(points)).toMatchObject({ deleted: [], kept: [{ reason: LATE }] });
    await backups().world.home.ec2().send(new DeleteVolumeCommand({ VolumeId }));
    expect((await remove(points)).deleted).toHaveLength(1);
  });
});
