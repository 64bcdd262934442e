import { FAILURE } from '../../../src/model/failures';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import { awaitResult } from '../../support/awaitResult';
import { failureOf } from '../../support/failure';
import type { Strategy } from '../../../src/model/moves/strategy';
import { ANY_LOSS, butEncryption, MigrationWorld, SNAPSHOTS, STRATEGIES } from '../../support/migration';
import { anInstance, stopped, tagsOf } from '../../support/seed';

const refusal = (why: string): object => ({ cause: { message: expect.stringContaining(why) as string } });

describe.each([
  ['with a workflow cache', true],
  ['without one', false],
])('migrateMachine, %s', (_, cache) => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ cache });
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  it.each(STRATEGIES)(
    'moves a running machine to encrypted volumes that differ in nothing else, and keeps the originals until commit: %s',
    async (strategy) => {
      const { instanceId } = await anInstance(migrations.world.home, {
        root: { type: 'gp3', iops: 3500, throughput: 200 },
        data: [
          { device: '/dev/sdf', type: 'io2', size: 20, iops: 1000, deleteOnTermination: true },
          { device: '/dev/sdg', type: 'st1', size: 500 },
        ],
      });
      await migrations.writeTo(instanceId);
      const before = await migrations.stateOf(instanceId);
      const content = await migrations.contentOf(instanceId);
      const result = await migrations.encrypt({ instanceIds: [instanceId], strategy });
      const why = `strategy ${strategy} was asked for`;
      expect(result).toMatchObject({
        encrypted: { total: 1, items: [{ instanceId, volumes: 3, strategy: { name: strategy, why } }] },
        failed: { total: 0 },
        rolledBack: { total: 0 },
      });
      expect(result.summary).toMatch(/^1 machine with 3 volumes encrypted/);
      const after = await migrations.stateOf(instanceId);
      expect(butEncryption(after)).toEqual(butEncryption(before));
      expect(after.disks.every((disk) => disk.encrypted && disk.key === migrations.key)).toBe(true);
      expect(await migrations.contentOf(instanceId)).toEqual(content);
      await migrations.writeTo(instanceId);
      const originals = before.disks.map(({ volumeId = '' }) => volumeId);
      expect(Object.keys(result.volumeIdMap).sort()).toEqual([...originals].sort());
      const byId = { Name: 'volume-id', Values: originals };
      const kept = await migrations.volumes(byId);
      expect(kept.map(({ State }) => State)).toEqual(['available', 'available', 'available']);

      await migrations.tell(instanceId, 'commit');
      const committed = await awaitResult<MigrateMachineResult>(migrations.machine(instanceId));
      expect(committed).toMatchObject({ outcome: 'encrypted', committed: true });
      expect(await migrations.volumes(byId)).toEqual([]);
      const end = await migrations.stateOf(instanceId);
      expect([end.marks, ...end.disks.map(({ marks }) => marks)].flat()).toEqual([]);
      const snapshots = await migrations.snapshots(instanceId);
      expect(snapshots.map(({ Encrypted }) => Encrypted)).toEqual([true, true, true]);
      expect(snapshots.map(({ KmsKeyId }) => KmsKeyId)).toEqual(Array(3).fill(migrations.key));
      expect(snapshots.every((snapshot) => tagsOf(snapshot)['holdfast:expires-at'] === 'never')).toBe(true);
      const last = await Promise.all(
        snapshots.map(({ SnapshotId = '' }) => migrations.blocks.digest(SnapshotId)),
      );
      expect(last.sort()).toEqual(Object.values(content).sort());
    },
  );

  it.each<[Strategy, string]>([
    ['copy', 'CreateSnapshots'],
    ['copy', 'CopySnapshot'],
    ['copy', 'StopInstances'],
    ['copy', 'CreateVolume'],
    ['copy', 'DetachVolume'],
    ['copy', 'AttachVolume'],
    ['copy', 'StartInstances'],
    ['copy', 'CreateTags'],
    ['direct', 'CreateSnapshots'],
    ['direct', 'CreateVolume'],
    ['clone', 'CopyVolumes'],
    ['clone', 'CreateTags'],
  ])('by %s finishes when the answer to %s is lost, and makes nothing twice', async (strategy, action) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    await migrations.writeTo(instanceId);
    const content = await migrations.contentOf(instanceId);
    // The first call of CopyVolumes is the dry run.
    migrations.world.proxy.fault(action, { after: 'lose the response' }, [1, 2, 3]);
    await migrations.encrypt({ instanceIds: [instanceId], strategy });
    expect(await migrations.contentOf(instanceId)).toEqual(content);
    const after = await migrations.stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
    expect(await migrations.leftovers(instanceId, before)).toEqual({
      made: 2,
      marked: 2,
      snapshots: SNAPSHOTS[strategy],
    });
  });

  it.each<[Strategy, string, number]>([
    ['copy', 'CopySnapshot', 2],
    ['direct', 'CreateSnapshots', 1],
    ['clone', 'CreateTags', 1],
  ])('by %s loses no write that the machine makes until it stops', async (strategy, action, nth) => {
    const { instanceId } = await anInstance(migrations.world.home);
    await migrations.writeTo(instanceId);
    let last: Record<string, string> = {};
    const written = migrations.meanwhile(
      action,
      async () => {
        await migrations.writeTo(instanceId);
        last = await migrations.contentOf(instanceId);
      },
      nth,
    );
    await migrations.encrypt({ instanceIds: [instanceId], strategy });
    await written;
    expect(await migrations.contentOf(instanceId)).toEqual(last);
  });

  it.each(STRATEGIES)(
    'rolls back a %s in soak, keeps what was written since, and can be migrated again',
    async (strategy) => {
      const { instanceId } = await anInstance(migrations.world.home);
      await migrations.writeTo(instanceId);
      const before = await migrations.stateOf(instanceId);
      const original = await migrations.contentOf(instanceId);
      await migrations.encrypt({ instanceIds: [instanceId], strategy });
      await migrations.writeTo(instanceId);
      const since = await migrations.contentOf(instanceId);
      const first = migrations.machine(instanceId);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      const back = await awaitResult<MigrateMachineResult>(first);
      expect(back).toMatchObject({ outcome: 'rolledBack', committed: false });
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      const kept = (await migrations.snapshots(instanceId)).filter(
        (snapshot) => tagsOf(snapshot)['holdfast:recovery-point'] === back.keptRecoveryPoint,
      );
      expect(kept.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
      const digests = kept.map(({ SnapshotId = '' }) => migrations.blocks.digest(SnapshotId));
      expect((await Promise.all(digests)).sort()).toEqual(Object.values(since).sort());
      expect(await migrations.contentOf(instanceId)).toEqual(original);

      await migrations.encrypt({ instanceIds: [instanceId], strategy });
      const again = await migrations.stateOf(instanceId);
      expect(again.disks.every(({ encrypted }) => encrypted)).toBe(true);
    },
  );

  it('leaves a stopped machine stopped', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    await stopped(migrations.world.home, instanceId);
    const before = await migrations.stateOf(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId] });
    const after = await migrations.stateOf(instanceId);
    expect(after.state).toBe('stopped');
    expect(butEncryption(after)).toEqual(butEncryption(before));
  });

  it('takes verdicts only in soak, and only one', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const early = migrations.meanwhile('StopInstances', async () => {
      await expect(migrations.tell(instanceId, 'commit')).rejects.toMatchObject(refusal('in soak'));
    });
    await migrations.encrypt({ instanceIds: [instanceId] });
    await early;
    const late = migrations.meanwhile('DeleteVolume', async () => {
      await migrations.tell(instanceId, 'commit');
      await expect(migrations.tell(instanceId, 'rollback', ANY_LOSS)).rejects.toMatchObject(
        refusal('already'),
      );
    });
    await migrations.tell(instanceId, 'commit');
    await late;
    await awaitResult(migrations.machine(instanceId));
  });

  it('does not roll back to what it was before writes that nobody has agreed to lose', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    await migrations.encrypt({ instanceIds: [instanceId] });
    const { cause } = (await migrations
      .tell(instanceId, 'rollback')
      .catch((error: unknown) => error)) as Error;
    const said = (cause as Error).message;
    const [, since = ''] = /"acceptWriteLossSince": "([^"]+)"/.exec(said) ?? [];
    const later = new Date(Date.parse(since) + 1).toISOString();
    const tooLate = migrations.tell(instanceId, 'rollback', { acceptWriteLossSince: later });
    await expect(tooLate).rejects.toMatchObject(refusal(`${later} is later`));
    const noTime = migrations.tell(instanceId, 'rollback', { acceptWriteLossSince: 'yesterday' });
    await expect(noTime).rejects.toMatchObject(refusal('acceptWriteLossSince: a time in ISO 8601'));
    const elsewhere = migrations.tell(instanceId, 'commit', { acceptWriteLossSince: since });
    await expect(elsewhere).rejects.toMatchObject(refusal('acceptWriteLossSince: not a field'));

    await migrations.tell(instanceId, 'rollback', { acceptWriteLossSince: since });
    const back = await awaitResult<MigrateMachineResult>(migrations.machine(instanceId));
    expect(back).toMatchObject({ outcome: 'rolledBack', writesSince: since });
  });

  it('is refused without a full input, before any call', async () => {
    const failure = await failureOf(migrations.world.run('migrateMachine', { instanceId: 'i-1' }));
    expect(failure.type).toBe(FAILURE.invalidInput);
    expect(migrations.world.proxy.calls).toEqual([]);
  });
});
