import { DescribeSnapshotAttributeCommand, ModifySnapshotAttributeCommand } from '@aws-sdk/client-ec2';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities, type Activities } from '../../../src/activities';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { CopyJob } from '../../../src/model/copies/copy';
import { HOME_REGION } from '../../support/accounts';
import { AwsServer } from '../../support/awsServer';
import { aKey, anInstance } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const PARTNER = '123456789012';

describe('while one answer does not show what is there', () => {
  let aws: AwsServer;
  let world: World;
  let activities: Activities;
  let job: CopyJob;
  let snapshotIds: string[];
  let kmsKeyId: string;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    world = await aWorld({ aws: aws.endpoint });
    activities = createActivities(world.deps);
    const policyName = 'lagging';
    kmsKeyId = await aKey(world.home);
    await anInstance(world.home, { tags: { policy: policyName }, root: { kmsKeyId } });
    const selector = { tags: { all: { policy: policyName } } };
    await world.run('createBackupPolicy', { policyName, frequency: '4h', retention: '30d', selector });
    const { slot, recoveryPoints } = await world.run<RunBackupResult>('runBackup', { policyName });
    snapshotIds = recoveryPoints.items.flatMap((point) => point.snapshotIds);
    const target = { accountId: world.home.accountId, region: HOME_REGION };
    const terms = { toRegion: 'eu-west-1', toAccount: PARTNER, retention: { keep: '30d' } };
    job = { policyName, slotMs: Date.parse(slot), target, terms, timezone: 'UTC', rpoMs: 1 };
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(async () => {
    world.proxy.reset();
    for (const SnapshotId of snapshotIds)
      await world.home.ec2().send(
        new ModifySnapshotAttributeCommand({
          SnapshotId,
          CreateVolumePermission: { Add: [{ UserId: PARTNER }] },
        }),
      );
  });

  const ask = <Result>(call: () => Promise<Result>) =>
    new MockActivityEnvironment().run<[], Result, () => Promise<Result>>(call);
  async function stillShared(): Promise<number> {
    let shared = 0;
    for (const SnapshotId of snapshotIds) {
      const command = new DescribeSnapshotAttributeCommand({
        SnapshotId,
        Attribute: 'createVolumePermission',
      });
      shared += (await world.home.ec2().send(command)).CreateVolumePermissions?.length ?? 0;
    }
    return shared;
  }

  it('all snapshots of a slot are taken back from the vault', async () => {
    world.proxy.fault('DescribeSnapshots', { shows: 'nothing' }, 1);
    await ask(() => activities.unshareSlot({ job, partner: PARTNER }));
    expect(await stillShared()).toBe(0);
  });

  it.each([1, 2])('all snapshots of an image are taken back, permission %d showing late', async (nth) => {
    world.proxy.fault('DescribeSnapshotAttribute', { shows: 'nothing' }, nth);
    const shared = { target: job.target, snapshotIds, partner: PARTNER };
    await ask(() => activities.unshareSnapshots(shared));
    expect(await stillShared()).toBe(0);
  });

  it('the keys that the vault needs are found', async () => {
    world.proxy.fault('DescribeSnapshots', { shows: 'nothing' }, 1);
    const [found] = await ask(() => activities.keysOfSlot({ job }));
    expect(found).toContain(kmsKeyId);
  });

  it('what is to be copied is found', async () => {
    const { toAccount: _, ...terms } = job.terms;
    // The first question is for copies.
    world.proxy.fault('DescribeSnapshots', { shows: 'nothing' }, 2);
    const asked = { job: { ...job, terms }, except: [] };
    expect((await ask(() => activities.findUncopied(asked))).items.sort()).toEqual(snapshotIds.sort());
  });
});
