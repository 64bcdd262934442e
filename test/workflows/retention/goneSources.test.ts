import { DeleteVolumeCommand } from '@aws-sdk/client-ec2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities, type Activities } from '../../../src/activities';
import type { DeletedPoints } from '../../../src/activities/retention/expiry';
import type { RecoveryPointSummary, RunBackupResult } from '../../../src/model/backup/run';
import { HOME_REGION } from '../../support/accounts';
import { AwsServer } from '../../support/awsServer';
import { anInstance, aVolume } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;
const LATE = 'the newest point violates the RPO';

describe('an old point of what is late', () => {
  let aws: AwsServer;
  let world: World;
  let activities: Activities;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
    activities = createActivities(world.deps);
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });

  const remove = (points: RecoveryPointSummary[]) =>
    new MockActivityEnvironment().run<[], DeletedPoints, () => Promise<DeletedPoints>>(() =>
      activities.deletePoints({ target: { accountId: world.home.accountId, region: HOME_REGION }, points }),
    );

  /** The older of two points of something whose backups fail since: only age says that it goes. */
  async function lateSince(policyName: string): Promise<RecoveryPointSummary[]> {
    await world.run('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '1d', minKeep: 1 },
      selector: { tags: { all: { policy: policyName } } },
    });
    const points: RecoveryPointSummary[] = [];
    for (let day = 0; day < 2; day += 1) {
      world.clock.offset = day * DAY;
      const { recoveryPoints } = await world.run<RunBackupResult>('runBackup', { policyName });
      points.push(...recoveryPoints.items);
      await aws.control.post('clock', { advance: 60 });
    }
    world.clock.offset = 20 * DAY;
    world.proxy.reset();
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
    await (kind === 'instance' ? anInstance(world.home, { tags }) : aVolume(world.home, { tags }));
    const points = await lateSince(policyName);
    world.proxy.fault(action, { shows: 'nothing' }, nth);
    expect(await remove(points)).toMatchObject({ deleted: [], failed: [], kept: [{ reason: LATE }] });
  });

  it('goes when its source is gone in every look', async () => {
    const VolumeId = await aVolume(world.home, { tags: { policy: 'vanished' } });
    const points = await lateSince('vanished');
    expect(await remove(points)).toMatchObject({ deleted: [], kept: [{ reason: LATE }] });
    await world.home.ec2().send(new DeleteVolumeCommand({ VolumeId }));
    expect((await remove(points)).deleted).toHaveLength(1);
  });
});
