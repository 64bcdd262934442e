import {
  DeleteTagsCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../../src/model/retention/expiry';
import { FAILURE } from '../../../src/model/failures';
import type { KeepReason } from '../../../src/model/points/retention';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { aWorld, type World } from '../../support/world';

const DAY = 86_400_000;
const DR = 'eu-west-1';
const LATE: KeepReason = 'the newest point violates the RPO';
const LAST: KeepReason = 'among the newest of its lineage';

describe('old points of what is late', () => {
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
  beforeEach(() => world.proxy.reset());

  const policyOf = (policyName: string, more: object) => ({
    ...{ policyName, frequency: '4h', retention: '1d', minKeep: 1 },
    selector: { tags: { all: { policy: policyName } } },
    ...more,
  });

  /** Two points, a day apart and long due, and nothing since. */
  async function late(policyName: string, more: object = {}): Promise<void> {
    await world.run('createBackupPolicy', policyOf(policyName, more));
    for (let day = 0; day < 2; day += 1) {
      world.clock.offset = day * DAY;
      const { copies } = await world.run<RunBackupResult>('runBackup', { policyName });
      for (const { workflowId } of copies.items)
        await awaitResult(world.client.workflow.getHandle(workflowId));
      await aws.control.post('clock', { advance: 60 });
    }
    world.clock.offset = 20 * DAY;
  }

  /** Why each point of the policy stays, the oldest first; `goes` where it does not. */
  async function verdicts(policyName: string, region = HOME_REGION): Promise<string[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home
      .ec2(region)
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
    const taken = new Map(
      Snapshots.map(tagsOf).map((tags) => [tags['holdfast:recovery-point'], tags['holdfast:taken-at'] ?? '']),
    );
    const targets = [{ accountId: world.home.accountId, region }];
    const { kept, expired } = await world.run<EnforceExpiryResult>('enforceExpiry', {
      targets,
      dryRun: true,
    });
    const reasons = new Map<string, string>(
      kept.items.map(({ recoveryPointId, reason }) => [recoveryPointId, reason]),
    );
    for (const { recoveryPointId } of expired.items) reasons.set(recoveryPointId, 'goes');
    return [...taken]
      .sort(([, a], [, b]) => a.localeCompare(b))
      .map(([id]) => reasons.get(id ?? '') ?? 'unknown');
  }

  const untag = (id: string) =>
    world.home.ec2().send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'policy' }] }));

  it('stay while backups are failing', async () => {
    await anInstance(world.home, { tags: { policy: 'failing' } });
    await late('failing');
    expect(await verdicts('failing')).toEqual([LATE, LAST]);
  });

  it('go where a machine is not selected any more', async () => {
    const { instanceId } = await anInstance(world.home, { tags: { policy: 'retired' } });
    await late('retired');
    await untag(instanceId);
    expect(await verdicts('retired')).toEqual(['goes', LAST]);
  });

  it('go where a volume is not selected any more', async () => {
    const volumeId = await aVolume(world.home, { tags: { policy: 'parted' } });
    await late('parted');
    expect(await verdicts('parted')).toEqual([LATE, LAST]);
    await untag(volumeId);
    expect(await verdicts('parted')).toEqual(['goes', LAST]);
  });

  it('stay where the policy selects the disks of a machine instead of it', async () => {
    const { instanceId, volumes } = await anInstance(world.home, { tags: { policy: 'disks' } });
    await late('disks');
    await untag(instanceId);
    const selector = { volumeIds: [volumes['/dev/sdf']] };
    await world.run('createBackupPolicy', policyOf('disks', { selector }));
    expect(await verdicts('disks')).toEqual([LATE, LAST]);
  });

  it('stay where nobody may ask what is selected, and where the policy is paused', async () => {
    const { instanceId } = await anInstance(world.home, { tags: { policy: 'unread' } });
    await late('unread');
    await untag(instanceId);
    world.proxy.fault('DescribeInstances', { before: { code: 'UnauthorizedOperation', status: 403 } });
    expect(await verdicts('unread')).toEqual([LATE, LAST]);
    world.proxy.reset();
    await world.client.schedule.getHandle('policy/unread').pause('moving house');
    expect(await verdicts('unread')).toEqual(['its policy is paused', LAST]);
  });

  it('go where the policy is not for that place any more', async () => {
    await aVolume(world.home, { tags: { policy: 'moved' } });
    await late('moved');
    const targets = [{ accountId: world.home.accountId, region: DR }];
    await world.run('createBackupPolicy', policyOf('moved', { targets }));
    expect(await verdicts('moved')).toEqual(['goes', LAST]);
  });

  it('go where the policy does not copy to any more, and stay where it does', async () => {
    await aVolume(world.home, { tags: { policy: 'copied' } });
    await late('copied', { copies: [{ toRegion: DR, retention: '1d' }] });
    expect(await verdicts('copied', DR)).toEqual([LATE, LAST]);
    await world.run('createBackupPolicy', policyOf('copied', {}));
    expect(await verdicts('copied', DR)).toEqual(['goes', LAST]);
  });

  /** As in a rescue, or between a detach and an attach of a move. */
  async function disksOff(policyName: string): Promise<string> {
    const { instanceId, volumes } = await anInstance(world.home, { tags: { policy: policyName } });
    await late(policyName);
    await world.home.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await aws.control.post('clock', { advance: 300 });
    for (const VolumeId of Object.values(volumes))
      await world.home.ec2().send(new DetachVolumeCommand({ VolumeId }));
    await aws.control.post('clock', { advance: 60 });
    return instanceId;
  }

  it('stay where a machine that is selected has its disks off for a moment', async () => {
    await disksOff('rescued');
    expect(await verdicts('rescued')).toEqual([LATE, LAST]);
  });

  it('of such a machine are none that a person could let go', async () => {
    const instanceId = await disksOff('asked');
    const targets = [{ accountId: world.home.accountId, region: HOME_REGION }];
    await failedResult(
      world.run('sweepOrphans', { targets, dryRun: false, letGo: [instanceId] }),
      FAILURE.allFailed,
    );
    expect(await verdicts('asked')).toEqual([LATE, LAST]);
  });
});
