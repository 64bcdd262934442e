import {
  AttachVolumeCommand,
  CreateTagsCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../src/model/failures';
import type { MigrateVolumeResult } from '../../../src/model/moves/loneVolume';
import type { Strategy } from '../../../src/model/moves/strategy';
import type { SweepOrphansResult } from '../../../src/model/operations/sweep';
import { awaitResult } from '../../support/awaitResult';
import { failedResult } from '../../support/failure';
import { ANY_LOSS, MigrationWorld, STRATEGIES } from '../../support/migration';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };
const TAGS = { Name: 'orders', team: 'shop' };

describe('encryptVolumes of volumes that are attached to nothing', () => {
  let migrations: MigrationWorld;
  /** Volumes are written to on it. */
  let writer: string;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
    const { instanceId } = await anInstance(migrations.world.home, { instanceType: 'm5.large', data: [] });
    writer = instanceId;
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);
  const ec2 = () => migrations.world.home.ec2();

  async function written(spec: Parameters<typeof aVolume>[1] = {}): Promise<string> {
    const volumeId = await aVolume(migrations.world.home, { tags: TAGS, ...spec });
    await write(volumeId, 0, 3);
    migrations.world.proxy.reset();
    return volumeId;
  }

  /** Only a machine writes; afterwards the volume is attached to nothing again. */
  async function write(VolumeId: string, ...blocks: number[]): Promise<void> {
    const link = { InstanceId: writer, VolumeId };
    await until(async () => (await volume(VolumeId))?.State === 'available');
    await ec2().send(new AttachVolumeCommand({ ...link, Device: '/dev/sdz' }));
    await until(async () => (await volume(VolumeId))?.Attachments?.[0]?.State === 'attached');
    await migrations.blocks.write(VolumeId, ...blocks);
    await ec2().send(new DetachVolumeCommand(link));
    await until(async () => (await volume(VolumeId))?.State === 'available');
  }

  async function volume(id = ''): Promise<Volume | undefined> {
    return (await migrations.volumes({ Name: 'volume-id', Values: [id] }))[0];
  }

  /** All that a move leaves: new volumes, marks on the old one, and snapshots. */
  async function leftBy(volumeId: string) {
    const made = await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [volumeId] });
    const marks = Object.keys(tagsOf((await volume(volumeId)) ?? {})).filter((key) =>
      key.startsWith('holdfast:'),
    );
    return { made: made.length, marks, snapshots: (await snapshotsOf(volumeId)).length };
  }
  const NOTHING = { made: 0, marks: [], snapshots: 0 };

  async function snapshotsOf(volumeId: string) {
    const { Snapshots = [] } = await ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    return Snapshots.filter(
      (each) => each.VolumeId === volumeId || tagsOf(each)['holdfast:source-volume'] === volumeId,
    );
  }

  /** What may not differ but for the encryption. */
  const attributes = (of: Volume | undefined) => ({
    type: of?.VolumeType,
    size: of?.Size,
    iops: of?.Iops,
    throughput: of?.Throughput,
    zone: of?.AvailabilityZone,
    multiAttach: of?.MultiAttachEnabled,
    tags: Object.entries(tagsOf(of ?? {}))
      .filter(([key]) => !key.startsWith('holdfast:'))
      .sort(),
  });

  async function attach(VolumeId: string): Promise<string> {
    const { instanceId } = await anInstance(migrations.world.home, { data: [] });
    await ec2().send(new AttachVolumeCommand({ InstanceId: instanceId, VolumeId, Device: '/dev/sdz' }));
    return instanceId;
  }

  it.each<[Strategy | 'auto', Parameters<typeof aVolume>[1]]>([
    ['auto', { type: 'gp3', size: 12, iops: 4000, throughput: 250 }],
    ['clone', { type: 'io2', size: 20, iops: 1000, multiAttach: true }],
    ['copy', { type: 'st1', size: 500 }],
    ['direct', { type: 'io2', size: 20, iops: 1000, multiAttach: true }],
  ])(
    'makes each anew, equal but for the encryption, and keeps it until commit: %s',
    async (strategy, spec) => {
      const volumeId = await written(spec);
      const [before, content] = [await volume(volumeId), await migrations.blocks.digest(volumeId)];
      const result = await migrations.encrypt({ volumeIds: [volumeId], strategy });
      const newVolumeId = result.volumeIdMap[volumeId];
      expect(result.encrypted).toMatchObject({
        total: 1,
        items: [{ volumeId, newVolumeId, references: [] }],
      });
      expect(result.summary).toContain('and 1 volume by itself');
      const made = await volume(newVolumeId);
      expect(made).toMatchObject({ State: 'available', Encrypted: true, KmsKeyId: migrations.key });
      expect(attributes(made)).toEqual(attributes(before));
      expect(await migrations.blocks.digest(newVolumeId ?? '')).toBe(content);
      expect(attributes(await volume(volumeId))).toEqual(attributes(before));

      await migrations.tellVolume(volumeId, 'commit');
      const committed = await awaitResult<MigrateVolumeResult>(migrations.volume(volumeId));
      expect(committed).toMatchObject({ outcome: 'encrypted', committed: true });
      expect(await volume(volumeId)).toBeUndefined();
      expect(Object.keys(tagsOf((await volume(newVolumeId)) ?? {})).sort()).toEqual(Object.keys(TAGS).sort());
      const kept = await snapshotsOf(volumeId);
      expect(kept.map(({ KmsKeyId }) => KmsKeyId)).toEqual([migrations.key]);
      expect(kept.map((each) => tagsOf(each)['holdfast:expires-at'])).toEqual(['never']);
      expect(await migrations.blocks.digest(kept[0]?.SnapshotId ?? '')).toBe(content);
    },
  );

  it('finds them by tag beside machines, and names tags elsewhere that hold the old id', async () => {
    const { instanceId } = await anInstance(migrations.world.home, { tags: { mixed: 'yes' } });
    const volumeId = await written({ tags: { mixed: 'yes' } });
    const Tags = [{ Key: 'data-volume', Value: volumeId }];
    await ec2().send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
    const selector = { tags: { all: { mixed: 'yes' } } };
    const planned = await migrations.encrypt({ selector, dryRun: true });
    expect(planned.volumePlan?.items).toMatchObject([{ volumeId, strategy: { name: 'direct' } }]);
    const { encrypted } = await migrations.encrypt({ selector });
    expect(encrypted.items).toMatchObject([
      { instanceId, volumes: 2 },
      { volumeId, references: [`instance ${instanceId}, tag data-volume`] },
    ]);
    const again = await migrations.encrypt({ selector });
    expect(again.leftOut?.items.map(({ item }) => item)).toContain(volumeId);
    expect(again.encrypted.total).toBe(0);
  });

  it.each<[Strategy, string, number]>([
    ['direct', 'CreateSnapshot', 1],
    ['direct', 'CreateVolume', 1],
    ['copy', 'CopySnapshot', 1],
    ['clone', 'CopyVolumes', 2],
    ['direct', 'CreateTags', 2],
  ])('leaves nothing behind when, by %s, %s is refused', async (strategy, action, nth) => {
    const volumeId = await written();
    const before = await volume(volumeId);
    migrations.world.proxy.fault(action, REFUSED, nth);
    const result = await allFailed(migrations.encrypt({ volumeIds: [volumeId], strategy }));
    expect(result.rolledBack.items[0]).toMatchObject({ item: volumeId });
    expect(await volume(volumeId)).toEqual(before);
    expect(await leftBy(volumeId)).toEqual(NOTHING);
  });

  it.each<[Strategy, string]>([
    ['direct', 'CreateSnapshot'],
    ['direct', 'CreateVolume'],
    ['copy', 'CopySnapshot'],
    ['clone', 'CopyVolumes'],
    ['direct', 'CreateTags'],
  ])('makes nothing twice when, by %s, the answer to %s is lost', async (strategy, action) => {
    const volumeId = await written();
    const content = await migrations.blocks.digest(volumeId);
    migrations.world.proxy.fault(action, { after: 'lose the response' }, [1, 2]);
    const { volumeIdMap } = await migrations.encrypt({ volumeIds: [volumeId], strategy });
    expect(await migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    const snapshots = { copy: 2, direct: 1, clone: 0 }[strategy];
    expect(await leftBy(volumeId)).toMatchObject({ made: 1, snapshots });
  });

  it.each<[Strategy, string]>([
    ['direct', 'CreateSnapshot'],
    ['copy', 'CopySnapshot'],
    ['direct', 'CreateVolume'],
  ])('ends a %s when somebody attaches the volume at %s, and does not touch it', async (strategy, action) => {
    const volumeId = await written();
    let holder = '';
    const attached = migrations.meanwhile(action, async () => {
      holder = await attach(volumeId);
    });
    const run = allFailed(migrations.encrypt({ volumeIds: [volumeId], strategy }));
    await attached;
    const [failure] = (await run).rolledBack.items;
    expect(failure?.message).toContain(`${volumeId} in`);
    expect(failure?.message).toContain(`is attached to ${holder}: somebody uses it meanwhile`);
    expect(await leftBy(volumeId)).toEqual(NOTHING);
    expect((await volume(volumeId))?.Attachments).toMatchObject([{ InstanceId: holder }]);
  });

  it('undoes when it is cancelled', async () => {
    const volumeId = await written();
    const cancelled = migrations.meanwhile('CreateVolume', () => migrations.volume(volumeId).cancel());
    const run = allFailed(migrations.encrypt({ volumeIds: [volumeId] }));
    await cancelled;
    expect((await run).skipped.items[0]?.item).toBe(volumeId);
    expect(await leftBy(volumeId)).toEqual(NOTHING);
  });

  it.each(STRATEGIES)(
    'goes back to the original after a %s, and keeps what was on the new one',
    async (strategy) => {
      const volumeId = await written();
      const before = await volume(volumeId);
      const { volumeIdMap } = await migrations.encrypt({ volumeIds: [volumeId], strategy });
      const made = volumeIdMap[volumeId] ?? '';
      await write(made, 5);
      const content = await migrations.blocks.digest(made);
      await migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
      const back = await awaitResult<MigrateVolumeResult>(migrations.volume(volumeId));
      expect(back).toMatchObject({ outcome: 'rolledBack', committed: false });
      expect(await volume(volumeId)).toEqual(before);
      expect(await volume(made)).toBeUndefined();
      // What is kept is a point of the volume itself, whatever id its disk had meanwhile.
      expect(await leftBy(volumeId)).toEqual({ ...NOTHING, snapshots: 1 });
      const [kept, ...more] = await snapshotsOf(made);
      expect(more).toEqual([]);
      expect(kept).toMatchObject({ Encrypted: true, State: 'completed' });
      expect(tagsOf(kept ?? {})['holdfast:recovery-point']).toBe(back.keptRecoveryPoint);
      expect(await migrations.blocks.digest(kept?.SnapshotId ?? '')).toBe(content);
    },
  );

  it('does not roll back while somebody uses the new volume, and says who', async () => {
    const volumeId = await written();
    const { volumeIdMap } = await migrations.encrypt({ volumeIds: [volumeId] });
    const holder = await attach(volumeIdMap[volumeId] ?? '');
    await migrations.tellVolume(volumeId, 'rollback', ANY_LOSS);
    await migrations.phase(migrations.volume(volumeId), 'Needs a person');
    const { rows } = await migrations
      .volume(volumeId)
      .query<{ rows: { state: string; note?: string }[] }>('progress');
    expect(rows.find(({ state }) => state === 'stuck')?.note).toContain(`attached to ${holder}`);
    expect(await volume(volumeIdMap[volumeId])).toBeDefined();
  });

  it.each<[string, string, boolean]>([
    ['undoes and begins anew', 'CreateVolume', true],
    ['undoes and begins anew', 'CreateSnapshot', true],
    ['takes over', 'soak', false],
  ])('%s, in the next run, what one terminated at %s has left', async (_, action, anew) => {
    const volumeId = await written();
    const content = await migrations.blocks.digest(volumeId);
    const input = { volumeIds: [volumeId] };
    if (anew) {
      const terminated = migrations.meanwhile(action, () => migrations.volume(volumeId).terminate('test'));
      const campaign = await migrations.start(input, { limits: { timer: 1_000 } });
      await terminated;
      await allFailed(awaitResult(campaign));
    } else {
      await migrations.encrypt(input);
      await migrations.volume(volumeId).terminate('test');
    }
    migrations.world.proxy.reset();
    const { volumeIdMap } = await migrations.encrypt(input);
    expect(migrations.world.proxy.callsOf('CreateVolume')).toHaveLength(anew ? 1 : 0);
    expect(await migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    expect(await leftBy(volumeId)).toMatchObject({ made: 1, snapshots: 1 });
    await migrations.tellVolume(volumeId, 'commit');
    await awaitResult(migrations.volume(volumeId));
    expect(await volume(volumeId)).toBeUndefined();
  });

  it('is no orphan while it soaks, nor what a terminated one has left', async () => {
    const volumeId = await written();
    const { volumeIdMap } = await migrations.encrypt({ volumeIds: [volumeId] });
    const ids = [
      volumeId,
      volumeIdMap[volumeId],
      ...(await snapshotsOf(volumeId)).map((each) => each.SnapshotId),
    ];
    expect(ids).toHaveLength(3);
    const found = async () => {
      const swept = await migrations.world.run<SweepOrphansResult>('sweepOrphans', {});
      return swept.found.items.filter(({ resourceId }) => ids.includes(resourceId));
    };
    migrations.world.clock.offset = 1000 * 86_400_000;
    expect(await found()).toEqual([]);
    await migrations.volume(volumeId).terminate('test');
    expect(await found()).toEqual([]);
    migrations.world.clock.offset = 0;
  });

  it('skips what Kubernetes looks after, and says so', async () => {
    const volumeId = await written({ tags: { 'kubernetes.io/created-for/pvc/name': 'db' } });
    migrations.world.proxy.reset();
    const { skipped } = await allFailed(migrations.encrypt({ volumeIds: [volumeId] }));
    expect(skipped.items[0]?.reasons[0]).toContain('Kubernetes');
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });

  it('works without the workflow cache', async () => {
    await migrations.world.stopWorker();
    await migrations.world.startWorker({ cache: false });
    const volumeId = await written();
    const content = await migrations.blocks.digest(volumeId);
    migrations.world.proxy.fault('CreateVolume', REFUSED, 1);
    await allFailed(migrations.encrypt({ volumeIds: [volumeId] }));
    expect(await leftBy(volumeId)).toEqual(NOTHING);
    const { volumeIdMap } = await migrations.encrypt({ volumeIds: [volumeId] });
    expect(await migrations.blocks.digest(volumeIdMap[volumeId] ?? '')).toBe(content);
    await migrations.tellVolume(volumeId, 'commit');
    await awaitResult(migrations.volume(volumeId));
    expect(await volume(volumeId)).toBeUndefined();
  });
});
