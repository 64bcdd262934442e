import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { awaitResult } from '../../support/awaitResult';
import { HOME_REGION } from '../../support/accounts';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { tagsOf } from '../../support/seed';
import { Strangers } from '../../support/strangers';
import { settledRun, soakingMachine, startMove } from '../../support/takenOver';
import { until } from '../../support/until';

/** What a tag alone never decides, where a run takes over what another one has left. */
describe('a run that takes over a soak', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.account.ec2();
  const attachedTo = (instanceId: string) =>
    migrations.volumes({ Name: 'attachment.instance-id', Values: [instanceId] });
  const there = async (ids: string[]) =>
    (await migrations.volumes({ Name: 'volume-id', Values: ids }))
      .map(({ VolumeId = '' }) => VolumeId)
      .sort();
  const migrationOf = async (instanceId: string) =>
    tagsOf(await migrations.instance(instanceId))['holdfast:migration']?.split(' ')[0] ?? '';
  const originalsOf = (before: { disks: { volumeId?: string }[] }) =>
    before.disks.map(({ volumeId = '' }) => volumeId);
  async function snapshotById(id = ''): Promise<Snapshot | undefined> {
    const Filters = [{ Name: 'snapshot-id', Values: [id] }];
    return (await ec2().send(new DescribeSnapshotsCommand({ Filters }))).Snapshots?.[0];
  }

  it.each([
    ['copy', 2],
    ['direct', 2],
    ['clone', 1],
  ])(
    'deletes no original where somebody has deleted another one and nobody said commit: %s',
    async (strategy, points) => {
      const { instanceId, before, run } = await soakingMachine(migrations, { strategy });
      const [kept = '', lost = ''] = originalsOf(before);
      await run.terminate('test');
      await migrations.deleteVolume(lost);
      const next = await startMove(migrations, instanceId, { strategy });
      expect(await settledRun(next)).toBe('Soaking');
      expect(await there([kept])).toEqual([kept]);
      await migrations.tell(instanceId, 'commit');
      const result = await awaitResult<MigrateMachineResult>(next);
      expect(result.committed).toBe(true);
      expect(result.lost).toEqual(points === 2 ? undefined : [lost]);
      const left = await migrations.snapshots(instanceId);
      expect(left).toHaveLength(points);
      for (const snapshot of left) expect(tagsOf(snapshot)['holdfast:set']).toBe(String(points));
      expect(await there([kept])).toEqual([]);
      const marked = (await attachedTo(instanceId)).filter(({ Tags = [] }) =>
        Tags.some(({ Key }) => Key?.startsWith('holdfast:')),
      );
      expect(marked).toEqual([]);
    },
  );

  it('deletes no original where a stranger’s volume on the machine claims to replace what is not there', async () => {
    const { instanceId, before, run } = await soakingMachine(migrations);
    const originals = originalsOf(before).sort();
    const Tags = [
      { Key: 'holdfast:migration', Value: await migrationOf(instanceId) },
      { Key: 'holdfast:replaces', Value: 'vol-0123456789abcdef0' },
    ];
    await run.terminate('test');
    const stranger = await attachedStranger(instanceId, Tags);
    const next = await startMove(migrations, instanceId);
    expect(await settledRun(next)).toBe('Soaking');
    expect(await there(originals)).toEqual(originals);
    await migrations.tell(instanceId, 'commit');
    expect(await awaitResult(next)).toMatchObject({ committed: true });
    const [now] = await migrations.volumes({ Name: 'volume-id', Values: [stranger] });
    expect(now?.Tags).toEqual(expect.arrayContaining(Tags));
  });

  async function attachedStranger(instanceId: string, Tags: Tag[]): Promise<string> {
    const [{ AvailabilityZone } = {}] = await attachedTo(instanceId);
    const { VolumeId = '' } = await ec2().send(
      new CreateVolumeCommand({
        ...{ Size: 1, AvailabilityZone },
        TagSpecifications: [{ ResourceType: 'volume', Tags }],
      }),
    );
    const state = async () => (await migrations.volumes({ Name: 'volume-id', Values: [VolumeId] }))[0];
    await until(async () => (await state())?.State === 'available');
    await ec2().send(new AttachVolumeCommand({ InstanceId: instanceId, VolumeId, Device: '/dev/sdq' }));
    await until(async () => (await state())?.Attachments?.[0]?.State === 'attached');
    return VolumeId;
  }

  describe('leaves alone what somebody has made of it', () => {
    const OTHER = [{ Key: 'holdfast:request', Value: 'deadbeef' }];
    /** The marks of its bearer, with another request or none. */
    const REQUESTS: [string, Tag[]][] = [
      ['without a request', []],
      ['with another request', OTHER],
    ];

    async function snapshotted(VolumeId = '', migrationId: string, request: Tag[]): Promise<string> {
      const Tags = [{ Key: 'holdfast:migration', Value: migrationId }, ...request];
      const { SnapshotId = '' } = await ec2().send(
        new CreateSnapshotCommand({
          ...{ VolumeId, Description: `holdfast/${migrationId}` },
          TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
        }),
      );
      return SnapshotId;
    }

    async function rolledBack(instanceId: string, strategy: string): Promise<void> {
      const next = await startMove(migrations, instanceId, { strategy });
      expect(await settledRun(next)).toBe('Soaking');
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      await awaitResult(next);
    }

    it.each(REQUESTS)('a snapshot of an original, %s', async (_, request) => {
      const { instanceId, before, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const id = await snapshotted(before.disks[0]?.volumeId, await migrationOf(instanceId), request);
      await run.terminate('test');
      await rolledBack(instanceId, 'copy');
      expect(await snapshotById(id)).toBeDefined();
    });

    it.each(REQUESTS)('an encrypted copy of what is staged, %s', async (_, request) => {
      const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const own = (await migrations.snapshots(instanceId)).find(({ Encrypted }) => Encrypted);
      const tags = (own?.Tags ?? []).filter(
        ({ Key }) => Key !== 'holdfast:request' && Key !== 'holdfast:source-instance',
      );
      const { SnapshotId } = await ec2().send(
        new CopySnapshotCommand({
          ...{ SourceRegion: HOME_REGION, SourceSnapshotId: own?.SnapshotId, Description: own?.Description },
          ...{ Encrypted: true, KmsKeyId: own?.KmsKeyId },
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: [...tags, ...request] }],
        }),
      );
      await run.terminate('test');
      await rolledBack(instanceId, 'copy');
      expect(await snapshotById(SnapshotId)).toBeDefined();
    });

    it.each(REQUESTS)('a snapshot of a new volume, %s, also where no run was before', async (_, request) => {
      const { instanceId, run } = await soakingMachine(migrations);
      const [made] = await attachedTo(instanceId);
      const keptId = `${await migrationOf(instanceId)}-kept`;
      const id = await snapshotted(made?.VolumeId, keptId, request);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      await awaitResult(run);
      expect(await snapshotById(id)).toBeDefined();
    });

    it.each([
      ['the first volume', 1],
      ['every volume', 2],
      ['every volume, and the machine', 3],
    ])('copies of what is staged, where %s can bear no tag more', async (_, full) => {
      const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const volumes = (await attachedTo(instanceId)).map(({ VolumeId = '' }) => VolumeId);
      for (const id of [...volumes, instanceId].slice(0, full)) await fill(id);
      const strangers = await Strangers.of(migrations.account);
      for (const snapshot of await migrations.snapshots(instanceId)) await strangers.copied(snapshot);
      const terminated = migrations.meanwhile('DeleteSnapshot', () => run.terminate('test'));
      await migrations.tell(instanceId, 'commit');
      await terminated;
      migrations.world.proxy.reset();
      const next = await startMove(migrations, instanceId, { strategy: 'copy' });
      expect(await settledRun(next)).toBe('COMPLETED');
      expect(await strangers.harmed()).toEqual([]);
    });

    async function fill(id: string): Promise<void> {
      const isMachine = id.startsWith('i-');
      const [volume] = isMachine ? [] : await migrations.volumes({ Name: 'volume-id', Values: [id] });
      const tags = isMachine ? (await migrations.instance(id)).Tags : volume?.Tags;
      const Tags = Array.from({ length: 50 - (tags?.length ?? 0) }, (_, at) => ({
        ...{ Key: `filled-${at}`, Value: 'yes' },
      }));
      await ec2().send(new CreateTagsCommand({ Resources: [id], Tags }));
    }
  });

  it('takes what an earlier run of the rollback has kept for its own, and no more', async () => {
    const { instanceId, run } = await soakingMachine(migrations);
    const terminated = migrations.meanwhile('DeleteVolume', () => run.terminate('test'));
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await terminated;
    migrations.world.proxy.reset();
    const kept = await keptOf(instanceId);
    expect(kept).toHaveLength(2);
    await settledRun(await startMove(migrations, instanceId));
    expect(await keptOf(instanceId)).toHaveLength(2);
  });

  async function keptOf(instanceId: string): Promise<Snapshot[]> {
    return (await migrations.snapshots(instanceId)).filter(({ Description }) =>
      Description?.endsWith('-kept'),
    );
  }
});
