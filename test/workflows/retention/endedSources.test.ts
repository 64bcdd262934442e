import { DeleteTagsCommand, DetachVolumeCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { FAILURE } from '../../../src/model/failures';
import type { KeepReason } from '../../../src/model/points/retention';
import { HOME_REGION } from '../../support/accounts';
import { BackupWorld, DAY, DR, type Terms } from '../../support/backup';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { throughout } from '../../support/throughout';

const LATE: KeepReason = 'the newest point violates the RPO';
const LAST: KeepReason = 'among the newest of its lineage';

describe('old points of what is late', () => {
  const backups = throughout(() => BackupWorld.open({ retention: '1d', minKeep: 1 }));

  /** Two points, a day apart and long due, and nothing since. */
  async function late(policyName: string, more: Terms = {}): Promise<void> {
    await backups().policy(policyName, more);
    await backups().points(policyName, 2, DAY);
    backups().world.clock.offset = 20 * DAY;
  }

  /** Why each point of the policy stays, the oldest first; `goes` where it does not. */
  async function verdicts(policyName: string, region = HOME_REGION): Promise<string[]> {
    const snapshots = await backups().snapshots(policyName, region);
    const taken = new Map(
      snapshots.map(tagsOf).map((tags) => [tags['holdfast:recovery-point'], tags['holdfast:taken-at'] ?? '']),
    );
    const { kept, expired } = await backups().expire(region, { dryRun: true });
    const reasons = new Map<string, string>(
      kept.items.map(({ recoveryPointId, reason }) => [recoveryPointId, reason]),
    );
    for (const { recoveryPointId } of expired.items) reasons.set(recoveryPointId, 'goes');
    return [...taken]
      .sort(([, a], [, b]) => a.localeCompare(b))
      .map(([id]) => reasons.get(id ?? '') ?? 'unknown');
  }

  const untag = (id: string) =>
    backups()
      .world.home.ec2()
      .send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'policy' }] }));

  it('stay while backups are failing', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'failing' } });
    await late('failing');
    expect(await verdicts('failing')).toEqual([LATE, LAST]);
  });

  it('go where a machine is not selected any more', async () => {
    const { instanceId } = await anInstance(backups().world.home, { tags: { policy: 'retired' } });
    await late('retired');
    await untag(instanceId);
    expect(await verdicts('retired')).toEqual(['goes', LAST]);
  });

  it('go where a volume is not selected any more', async () => {
    const volumeId = await aVolume(backups().world.home, { tags: { policy: 'parted' } });
    await late('parted');
    expect(await verdicts('parted')).toEqual([LATE, LAST]);
    await untag(volumeId);
    expect(await verdicts('parted')).toEqual(['goes', LAST]);
  });

  it('stay where the policy selects the disks of a machine instead of it', async () => {
    const { instanceId, volumes } = await anInstance(backups().world.home, { tags: { policy: 'disks' } });
    await late('disks');
    await untag(instanceId);
    const selector = { volumeIds: [volumes['/dev/sdf']] };
    await backups().policy('disks', { selector });
    expect(await verdicts('disks')).toEqual([LATE, LAST]);
  });

  it('stay where nobody may ask what is selected, and where the policy is paused', async () => {
    const { instanceId } = await anInstance(backups().world.home, { tags: { policy: 'unread' } });
    await late('unread');
    await untag(instanceId);
    backups().world.proxy.fault('DescribeInstances', {
      before: { code: 'UnauthorizedOperation', status: 403 },
    });
    expect(await verdicts('unread')).toEqual([LATE, LAST]);
    backups().world.proxy.reset();
    await backups().world.client.schedule.getHandle('policy/unread').pause('moving house');
    expect(await verdicts('unread')).toEqual(['its policy is paused', LAST]);
  });

  it('go where the policy is not for that place any more', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'moved' } });
    await late('moved');
    const targets = [backups().target(DR)];
    await backups().policy('moved', { targets });
    expect(await verdicts('moved')).toEqual(['goes', LAST]);
  });

  it('go where the policy does not copy to any more, and stay where it does', async () => {
    await aVolume(backups().world.home, { tags: { policy: 'copied' } });
    await late('copied', { copies: [{ toRegion: DR, retention: '1d' }] });
    expect(await verdicts('copied', DR)).toEqual([LATE, LAST]);
    await backups().policy('copied');
    expect(await verdicts('copied', DR)).toEqual(['goes', LAST]);
  });

  /** As in a rescue, or between a detach and an attach of a move. */
  async function disksOff(policyName: string): Promise<string> {
    const { instanceId, volumes } = await anInstance(backups().world.home, { tags: { policy: policyName } });
    await late(policyName);
    await backups()
      .world.home.ec2()
      .send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await backups().aws.control.post('clock', { advance: 300 });
    for (const VolumeId of Object.values(volumes))
      await backups().world.home.ec2().send(new DetachVolumeCommand({ VolumeId }));
    await backups().aws.control.post('clock', { advance: 60 });
    return instanceId;
  }

  it('stay where a machine that is selected has its disks off for a moment', async () => {
    await disksOff('rescued');
    expect(await verdicts('rescued')).toEqual([LATE, LAST]);
  });

  it('of such a machine are none that a person could let go', async () => {
    const instanceId = await disksOff('asked');
    const targets = [backups().target()];
    await failedResult(
      backups().world.run('sweepOrphans', { targets, dryRun: false, letGo: [instanceId] }),
      FAILURE.allFailed,
    );
    expect(await verdicts('asked')).toEqual([LATE, LAST]);
  });
});
