import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { aVolume } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;

describe('the last points of what nobody backs up any more', () => {
  let aws: AwsServer;
  let world: World;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });

  const ec2 = () => world.home.ec2();
  async function found(policyName: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await ec2().send(command)).Snapshots ?? [];
  }

  /** Two points of a volume, of which one is the last good one, long after their time. */
  async function twoPoints(policyName: string): Promise<string> {
    const volumeId = await aVolume(world.home, { tags: { policy: policyName } });
    await world.run('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '1d', minKeep: 1 },
      selector: { tags: { all: { policy: policyName } } },
    });
    for (let day = 0; day < 2; day += 1) {
      world.clock.offset = day * DAY;
      await world.run('runBackup', { policyName });
      await aws.control.post('clock', { advance: 60 });
    }
    world.clock.offset = 20 * DAY;
    return volumeId;
  }
  const expire = () => world.run<EnforceExpiryResult>('enforceExpiry', {});
  const sweep = (more: object = {}) => world.run<SweepOrphansResult>('sweepOrphans', more);
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
      (_, policyName) => world.run('deleteBackupPolicy', { policyName }),
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
    await world.client.schedule.getHandle('policy/asleep').pause('moving house');
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
