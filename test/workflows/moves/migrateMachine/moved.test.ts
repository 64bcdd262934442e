import { FAILURE } from '../../../../src/model/failures';
import type { MigrateMachineResult } from '../../../../src/model/moves/migration';
import { awaitResult } from '../../../support/awaitResult';
import { expectOnlyEncryptionChanged } from '../../../support/claims';
import { failureOf } from '../../../support/failure';
import { CACHES, MigrationWorld, STRATEGIES } from '../../../support/migration';
import { anInstance, stopped, tagsOf } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

describe.each(CACHES)('migrateMachine, %s', (_, cache) => {
  const migrations = throughout(() => MigrationWorld.open({ cache }));

  it.each(STRATEGIES)(
    'moves a running machine to encrypted volumes that differ in nothing else, and keeps the originals until commit: %s',
    async (strategy) => {
      const { instanceId } = await anInstance(migrations().world.home, {
        root: { type: 'gp3', iops: 3500, throughput: 200 },
        data: [
          { device: '/dev/sdf', type: 'io2', size: 20, iops: 1000, deleteOnTermination: true },
          { device: '/dev/sdg', type: 'st1', size: 500 },
        ],
      });
      await migrations().writeTo(instanceId);
      const before = await migrations().stateOf(instanceId);
      const content = await migrations().contentOf(instanceId);
      const result = await migrations().encrypt({ instanceIds: [instanceId], strategy });
      const why = `strategy ${strategy} was asked for`;
      expect(result).toMatchObject({
        encrypted: { total: 1, items: [{ instanceId, volumes: 3, strategy: { name: strategy, why } }] },
        failed: { total: 0 },
        rolledBack: { total: 0 },
      });
      expect(result.summary).toMatch(/^1 machine with 3 volumes encrypted/);
      const after = await migrations().stateOf(instanceId);
      expectOnlyEncryptionChanged(before, after);
      expect(after.disks.every(({ key }) => key === migrations().key)).toBe(true);
      expect(await migrations().contentOf(instanceId)).toEqual(content);
      await migrations().writeTo(instanceId);
      const originals = before.disks.map(({ volumeId = '' }) => volumeId);
      expect(Object.keys(result.volumeIdMap).sort()).toEqual([...originals].sort());
      const byId = { Name: 'volume-id', Values: originals };
      const kept = await migrations().volumes(byId);
      expect(kept.map(({ State }) => State)).toEqual(['available', 'available', 'available']);

      await migrations().tell(instanceId, 'commit');
      const committed = await awaitResult<MigrateMachineResult>(migrations().machine(instanceId));
      expect(committed).toMatchObject({ outcome: 'encrypted', committed: true });
      expect(await migrations().volumes(byId)).toEqual([]);
      const end = await migrations().stateOf(instanceId);
      expect([end.marks, ...end.disks.map(({ marks }) => marks)].flat()).toEqual([]);
      const snapshots = await migrations().snapshots(instanceId);
      expect(snapshots.map(({ Encrypted }) => Encrypted)).toEqual([true, true, true]);
      expect(snapshots.map(({ KmsKeyId }) => KmsKeyId)).toEqual(Array(3).fill(migrations().key));
      expect(snapshots.every((snapshot) => tagsOf(snapshot)['holdfast:expires-at'] === 'never')).toBe(true);
      const last = await Promise.all(
        snapshots.map(({ SnapshotId = '' }) => migrations().blocks.digest(SnapshotId)),
      );
      expect(last.sort()).toEqual(Object.values(content).sort());
    },
  );

  it('leaves a stopped machine stopped', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    await stopped(migrations().world.home, instanceId);
    const before = await migrations().stateOf(instanceId);
    await migrations().encrypt({ instanceIds: [instanceId] });
    const after = await migrations().stateOf(instanceId);
    expect(after.state).toBe('stopped');
    expectOnlyEncryptionChanged(before, after);
  });

  it('is refused without a full input, before any call', async () => {
    const failure = await failureOf(migrations().world.run('migrateMachine', { instanceId: 'i-1' }));
    expect(failure.type).toBe(FAILURE.invalidInput);
    expect(migrations().world.proxy.calls).toEqual([]);
  });
});
