import { mutate, wait } from '../../support/options';
import type { Migration, Replacements } from '../migration';
import { newVolumes, volumeFrom } from './newVolumes';
import { duringDowntime, snapshots, type Snapshots, type Stage } from './snapshots';

/** Snapshot, its encrypted copy, a volume from that; the seed makes the ones after the stop small. */
export const copy = {
  async beforeStop(migration: Migration): Promise<void> {
    if (migration.plan.wasRunning) await encryptedCopies(migration, 'seed');
  },

  async disksAfterStop(migration: Migration): Promise<Replacements> {
    const copies = await encryptedCopies(migration, 'final');
    return newVolumes(migration, (disk) => volumeFrom(migration, disk, copies));
  },
};

async function encryptedCopies(migration: Migration, stage: Stage): Promise<Snapshots> {
  const { plan, id, run } = migration;
  const taken = await snapshots(migration, stage);
  const copies = await Promise.all(
    plan.disks.map(async ({ volumeId, device }) => {
      const snapshotId = taken[volumeId] ?? '';
      const made = await mutate(
        `Copy ${snapshotId} encrypted`,
        duringDowntime(migration, stage),
      ).startEncryptedCopy({ plan, migrationId: id, stage, volumeId, snapshotId });
      run.row(volumeId, `${stage} copy`, device);
      return [volumeId, made] as const;
    }),
  );
  await wait(`Wait for ${copies.length} encrypted copies`, duringDowntime(migration, stage)).awaitSnapshots({
    target: plan.target,
    snapshotIds: copies.map(([, made]) => made),
    unhurried: stage === 'seed',
  });
  return Object.fromEntries(copies);
}
