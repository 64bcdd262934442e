import {
  AttachVolumeCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeLockedSnapshotsCommand,
  DetachVolumeCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import type { AwsCall } from '../../support/awsWire';
import { BackupWorld } from '../../support/backup';
import { failedResult } from '../../support/failure';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { throughout } from '../../support/throughout';

describe('what a run takes of what the policy selects', () => {
  const backups = throughout(() => BackupWorld.open());

  const policy = (policyName: string, exclude?: object, more: object = {}) => {
    const selector = { tags: { all: { policy: policyName } }, ...(exclude && { exclude }) };
    return backups().policy(policyName, { selector, ...more });
  };
  const backUp = (policyName: string) => backups().backUp(policyName);
  const fails = (action: string, effect: object, more?: object) => backups().fails(action, effect, more);
  const snapshotsOf = (policyName: string) => backups().snapshots(policyName);
  const volumesOf = async (policyName: string) =>
    (await snapshotsOf(policyName)).map(({ VolumeId }) => VolumeId).sort();

  it('leaves out an instance that has no EBS volumes, and says so', async () => {
    const tags = { policy: 'bare' };
    const [bare] = [
      await anInstance(backups().world.home, { tags }),
      await anInstance(backups().world.home, { tags }),
    ];
    const ec2 = backups().world.home.ec2();
    await ec2.send(new StopInstancesCommand({ InstanceIds: [bare.instanceId] }));
    for (const VolumeId of Object.values(bare.volumes))
      await ec2.send(new DetachVolumeCommand({ VolumeId, Force: true }));
    await policy('bare');
    const result = await backUp('bare');
    expect(result).toMatchObject({ selected: 1, protected: 1, failed: { total: 0 }, coverage: 1 });
  });

  it('takes tags as they stand, whatever they mean to EC2 or to JavaScript', async () => {
    const odd = { 'odd*?': 'x\\y*z?', constructor: 'builders', toString: 'text' };
    const selected = await anInstance(backups().world.home, { tags: odd });
    await anInstance(backups().world.home, { tags: { 'odd*?': 'xy-anything-zz' } });
    await backups().world.run('createBackupPolicy', {
      ...{ policyName: 'odd', frequency: '4h', retention: '30d' },
      selector: {
        tags: { all: { 'odd*?': 'x\\y*z?', constructor: 'builders' }, any: { 'odd*?': 'x\\y*z?' } },
      },
    });
    expect(await backUp('odd')).toMatchObject({ selected: 1, protected: 1 });
    const [snapshot] = await snapshotsOf('odd');
    expect(Object.values(selected.volumes)).toContain(snapshot?.VolumeId);
    expect(Object.entries(tagsOf(snapshot ?? {}))).toEqual(expect.arrayContaining(Object.entries(odd)));
  });

  it('leaves out boot volumes', async () => {
    const { volumes } = await anInstance(backups().world.home, { tags: { policy: 'noBoot' } });
    await policy('noBoot', { bootVolumes: true });
    expect(await backUp('noBoot')).toMatchObject({ selected: 1, protected: 1, volumes: 1 });
    const [only, ...others] = await snapshotsOf('noBoot');
    expect(others).toEqual([]);
    expect(only?.VolumeId).toBe(volumes['/dev/sdf']);
    expect(tagsOf(only ?? {})).toMatchObject({ 'holdfast:set': '1', 'holdfast:device': '/dev/sdf' });
  });

  it('leaves out data volumes, and never a standalone one with them', async () => {
    const tags = { policy: 'noData' };
    const { volumes } = await anInstance(backups().world.home, { tags });
    const alone = await aVolume(backups().world.home, { tags });
    await policy('noData', { dataVolumes: true });
    expect(await backUp('noData')).toMatchObject({ selected: 2, protected: 2, volumes: 2 });
    expect(await volumesOf('noData')).toEqual([volumes['/dev/xvda'], alone].sort());
  });

  it('takes along what is more than EC2 leaves out of a set, the smallest first, and says so', async () => {
    const data = Array.from({ length: 42 }, (_, n) => ({
      device: `/dev/xvd${String.fromCharCode(98 + Math.floor(n / 26))}${String.fromCharCode(97 + (n % 26))}`,
      size: 100 - n,
    }));
    const { volumes } = await anInstance(backups().world.home, {
      tags: { policy: 'many' },
      data,
      instanceType: 'm5.large',
    });
    await policy('many', { dataVolumes: true });
    const { recoveryPoints, ...result } = await backUp('many');
    expect(result).toMatchObject({ selected: 1, protected: 1, volumes: 3, failed: { total: 0 } });
    const along = data.slice(40).map(({ device }) => volumes[device]);
    expect(recoveryPoints.items[0]?.takenAlong?.sort()).toEqual([...along].sort());
    expect(await volumesOf('many')).toEqual([volumes['/dev/xvda'], ...along].sort());
    expect(tagsOf((await snapshotsOf('many'))[0] ?? {})).toMatchObject({ 'holdfast:set': '3' });
  });

  it('names the tags that do not fit on snapshots', async () => {
    const others = Object.fromEntries(Array.from({ length: 48 }, (_, n) => [`t${n}`, 'x']));
    await anInstance(backups().world.home, { tags: { policy: 'tagged', ...others } });
    await policy('tagged');
    const { recoveryPoints } = await backUp('tagged');
    const { droppedTags = [] } = recoveryPoints.items[0] ?? {};
    const [snapshot] = await snapshotsOf('tagged');
    const there = Object.keys(tagsOf(snapshot ?? {}));
    expect(droppedTags.length).toBeGreaterThan(10);
    expect([...droppedTags, ...there.filter((key) => !key.startsWith('holdfast:'))].sort()).toEqual(
      ['policy', ...Object.keys(others)].sort(),
    );
  });

  it('leaves out volumes by their tags, and does not count what is left out whole', async () => {
    const tags = { policy: 'noScratch' };
    const { volumes } = await anInstance(backups().world.home, { tags });
    const scratch = await aVolume(backups().world.home, { tags });
    await backups()
      .world.home.ec2()
      .send(
        new CreateTagsCommand({
          Resources: [scratch, volumes['/dev/sdf'] ?? ''],
          Tags: [{ Key: 'use', Value: 'scratch' }],
        }),
      );
    await policy('noScratch', { tags: { use: ['scratch', 'swap'] } });
    expect(await backUp('noScratch')).toMatchObject({ selected: 1, protected: 1, volumes: 1 });
    expect(await volumesOf('noScratch')).toEqual([volumes['/dev/xvda']]);
  });

  it('takes a volume that is attached to several instances once', async () => {
    const tags = { policy: 'shared' };
    const spec = { tags, data: [], instanceType: 'm5.large' as const };
    const [one, two] = [
      await anInstance(backups().world.home, spec),
      await anInstance(backups().world.home, spec),
    ];
    const ec2 = backups().world.home.ec2();
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [one.instanceId] }));
    const AvailabilityZone = Reservations?.[0]?.Instances?.[0]?.Placement?.AvailabilityZone;
    const { VolumeId = '' } = await ec2.send(
      new CreateVolumeCommand({
        AvailabilityZone,
        VolumeType: 'io2',
        Size: 10,
        Iops: 100,
        MultiAttachEnabled: true,
      }),
    );
    for (const { instanceId: InstanceId } of [one, two])
      await ec2.send(new AttachVolumeCommand({ InstanceId, VolumeId, Device: '/dev/sdm' }));
    await policy('shared');
    expect(await backUp('shared')).toMatchObject({ selected: 2, protected: 2, volumes: 3 });
    const roots = [one, two].map(({ volumes }) => volumes['/dev/xvda']);
    expect(await volumesOf('shared')).toEqual([...roots, VolumeId].sort());
  });

  it('makes a set again when one of its snapshots ends in error, and leaves nothing of the first', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'broken' } });
    await policy('broken');
    await fails('CreateSnapshots', { fails: 'An internal error' }, { nth: [1] });
    expect(await backUp('broken')).toMatchObject({ protected: 1, volumes: 2, failed: { total: 0 } });
    const states = (await snapshotsOf('broken')).map(({ State }) => State);
    expect(states).toEqual(['completed', 'completed']);
    expect(backups().world.proxy.callsOf('CreateSnapshots')).toHaveLength(2);
  });

  it('finds a set whose snapshots the answer did not name, and takes it for no smaller one', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'unnamed' } });
    await policy('unnamed');
    const { proxy } = backups().world;
    proxy.fault('CreateSnapshots', { shows: 'nothing' }, 1);
    // What was made a moment ago does not show at once.
    const made = proxy.callsOf('CreateSnapshots').length;
    const isFirstLook = (call: AwsCall) =>
      call.action === 'DescribeSnapshots' && proxy.callsOf('CreateSnapshots').length > made;
    proxy.fault(isFirstLook, { shows: 'nothing' }, 1);
    expect(await backUp('unnamed')).toMatchObject({ protected: 1, volumes: 2, failed: { total: 0 } });
    expect(await snapshotsOf('unnamed')).toHaveLength(2);
    proxy.reset();
  });

  it('fails one unit whose broken set it may not delete, and protects the others', async () => {
    for (let made = 0; made < 3; made++)
      await anInstance(backups().world.home, { tags: { policy: 'kept-back' } });
    await policy('kept-back');
    await fails('CreateSnapshots', { fails: 'An internal error' }, { nth: [1] });
    backups().world.proxy.fault('DeleteSnapshot', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const { failed, ...result } = await failedResult<RunBackupResult>(
      backUp('kept-back'),
      FAILURE.partialFailure,
    );
    expect(result).toMatchObject({ selected: 3, protected: 2 });
    expect(failed.total).toBe(1);
    expect(failed.items[0]).toMatchObject({ type: FAILURE.accessDenied });
    expect(failed.items[0]?.message).toMatch(
      /is to be made again because .*An internal error, stays: .*ec2:DeleteSnapshot/,
    );
    backups().world.proxy.reset();
  });

  describe('of a policy that locks', () => {
    const LOCK = { lock: { mode: 'governance', for: '7d' } };

    async function locked(policyName: string): Promise<number> {
      const SnapshotIds = (await snapshotsOf(policyName)).flatMap(({ SnapshotId }) => SnapshotId ?? []);
      const { Snapshots = [] } = await backups()
        .world.home.ec2()
        .send(new DescribeLockedSnapshotsCommand({ SnapshotIds }));
      return Snapshots.length;
    }

    it('locks every point although AWS throttles it', async () => {
      await anInstance(backups().world.home, { tags: { policy: 'throttled-lock' } });
      await policy('throttled-lock', undefined, LOCK);
      const throttle = { before: { code: 'RequestLimitExceeded', status: 503 } };
      for (let nth = 1; nth <= 5; nth++) backups().world.proxy.fault('LockSnapshot', throttle, nth);
      expect(await backUp('throttled-lock')).toMatchObject({ protected: 1, failed: { total: 0 } });
      expect(await locked('throttled-lock')).toBe(2);
    });

    it('fails what it may not lock, and keeps the points', async () => {
      await anInstance(backups().world.home, { tags: { policy: 'no-look' } });
      await policy('no-look', undefined, LOCK);
      const denied = { before: { code: 'UnauthorizedOperation', status: 403 } };
      backups().world.proxy.fault('DescribeLockedSnapshots', denied);
      const { recoveryPoints, failed } = await failedResult<RunBackupResult>(
        backUp('no-look'),
        FAILURE.allFailed,
      );
      expect(recoveryPoints.total).toBe(1);
      expect(failed.items[0]?.message).toContain('ec2:DescribeLockedSnapshots');
      backups().world.proxy.reset();
    });
  });

  it('gives a set that always ends in error up, with what EBS says of it', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'doomed' } });
    await policy('doomed');
    await fails('CreateSnapshots', { fails: 'The key is gone' });
    const { failed } = await failedResult<RunBackupResult>(backUp('doomed'), FAILURE.allFailed);
    expect(failed.items[0]).toMatchObject({ type: FAILURE.resourceFailed });
    expect(failed.items[0]?.message).toMatch(/The key is gone; it was made 3 times/);
    expect(backups().world.proxy.callsOf('CreateSnapshots')).toHaveLength(3);
  });

  it('waits for room that others take, and fails nothing', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'crowded' } });
    await policy('crowded');
    const full = { code: 'PendingSnapshotLimitExceeded', message: 'Too many pending snapshots' };
    await fails('CreateSnapshots', { error: full }, { nth: [1, 2, 3] });
    expect(await backUp('crowded')).toMatchObject({ protected: 1, volumes: 2, failed: { total: 0 } });
    expect(backups().world.proxy.callsOf('CreateSnapshots')).toHaveLength(4);
  });

  it('gives up at a quota that time does not change, and says which', async () => {
    await anInstance(backups().world.home, { tags: { policy: 'quota' } });
    await policy('quota');
    const full = { code: 'SnapshotLimitExceeded', message: 'You have reached the limit' };
    await fails('CreateSnapshots', { error: full });
    const { failed } = await failedResult<RunBackupResult>(backUp('quota'), FAILURE.allFailed);
    expect(failed.items[0]).toMatchObject({ type: FAILURE.quotaExceeded });
    expect(failed.items[0]?.message).toContain('the quota “Snapshots per Region”');
    expect(backups().world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  });

  it('fails a point that is complete only after the one before it has violated the RPO', async () => {
    const { instanceId } = await anInstance(backups().world.home, { tags: { policy: 'tardy' } });
    await policy('tardy');
    const target = { accountId: backups().world.home.accountId, region: 'us-east-1' };
    await backUp('tardy');
    const { action } = await backups().world.client.schedule.getHandle('policy/tardy').describe();
    const args: readonly unknown[] = action.type === 'startWorkflow' ? (action.args ?? []) : [];
    const slotMs = Date.now() - 9 * 3_600_000;
    const late = backups().world.run('backupTarget', {
      policy: args[0],
      target,
      slotMs,
      begunMs: slotMs,
    });
    const { failed } = await failedResult<RunBackupResult>(late, FAILURE.allFailed);
    expect(failed.items).toMatchObject([{ item: instanceId, type: FAILURE.rpoExceeded }]);
    expect(failed.items[0]?.message).toMatch(/is complete, but 5 h .*after the RPO/);
    expect(await snapshotsOf('tardy')).toHaveLength(4);
  });
});
