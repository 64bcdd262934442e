import { patched } from '@temporalio/workflow';
import { mutate, wait } from '../../support/options';
import type { Migration } from '../migration';
import { makeNewVolumes, createVolumeFrom } from './newVolumes';
import { duringDowntime, takeSnapshots, type Snapshots, type Stage } from './snapshots';
import { madeOf, type Replacements } from '../made';

/** Snapshot, its encrypted copy, a volume from that; the seed makes the ones after the stop small. */
export const copy = {
  async prepareBeforeStop(migration: Migration): Promise<void> {
    if (migration.plan.wasRunning) await makeEncryptedCopies(migration, 'seed');
  },

  async makeDisksAfterStop(migration: Migration): Promise<Replacements> {
    const copies = await makeEncryptedCopies(migration, 'final');
    return makeNewVolumes(migration, (disk) => createVolumeFrom(migration, disk, copies));
  },
};

/** What is still being asked for must not come about while it is undone. */
async function awaitEveryCall<Answer>(calls: Promise<Answer>[]): Promise<Answer[]> {
  try {
    return await Promise.all(calls);
  } catch (error) {
    if (patched('every-copy-call-ends')) await Promise.allSettled(calls);
    throw error;
  }
}

async function makeEncryptedCopies(migration: Migration, stage: Stage): Promise<Snapshots> {
  const { plan, id, run, made } = migration;
  const taken = await takeSnapshots(migration, stage);
  const copies = await awaitEveryCall(
    plan.disks.map(async ({ volumeId, device }) => {
      const snapshotId = madeOf(taken, volumeId);
      const copying = mutate(`Copy ${snapshotId} encrypted`, duringDowntime(migration, stage));
      const copyId = await made.recordStaged(
        () => copying.startEncryptedCopy({ plan, migrationId: id, stage, volumeId, snapshotId }),
        (started) => [started],
      );
      run.row(volumeId, `${stage} copy`, device);
      return [volumeId, copyId] as const;
    }),
  );
  await wait(`Wait for ${copies.length} encrypted copies`, duringDowntime(migration, stage)).awaitSnapshots({
    target: plan.target,
    snapshotIds: copies.map(([, copyId]) => copyId),
    unhurried: stage === 'seed',
  });
  return Object.fromEntries(copies);
}
