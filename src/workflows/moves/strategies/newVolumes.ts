import { patched } from '@temporalio/workflow';
import { awaitAll } from '../../../model/awaitAll';
import { mutate, wait } from '../../support/options';
import { RUNNING_AGAIN, type Move } from '../migration';
import { deleteNewVolumes } from '../undoing';
import type { Snapshots } from './snapshots';
import type { DiskPlan } from '../../../model/machines/facts';
import { madeOf, type Replacements } from '../made';

/** Makes all new volumes at the same time, and checks that each exists and is its original's equal. */
export async function makeNewVolumes(
  move: Move,
  make: (disk: DiskPlan) => Promise<string>,
): Promise<Replacements> {
  const { plan, undo, downtime, run, made: own } = move;
  run.phase('Creating volumes');
  undo.register('new volumes', () => deleteNewVolumes(move));
  // A delete may be refused, and no machine waits for that.
  if (undo.has(RUNNING_AGAIN) && patched('machine-starts-before-deletes')) undo.raise(RUNNING_AGAIN);
  const made = await awaitAll(
    plan.disks.map(async (disk) => {
      const volumeId = await own.recordVolume(disk.volumeId, () => make(disk));
      run.row(disk.volumeId, 'new volume', volumeId);
      return [disk.volumeId, volumeId] as const;
    }),
  );
  const replacements = Object.fromEntries(made);
  await wait(`Wait for ${plan.disks.length} volumes, and check them`, downtime.bounded()).awaitReplacements({
    plan,
    replacements,
  });
  return replacements;
}

/** An encrypted volume from the disk's snapshot. */
export function createVolumeFrom(
  { plan, id, downtime }: Move,
  disk: DiskPlan,
  snapshots: Snapshots,
): Promise<string> {
  const snapshotId = madeOf(snapshots, disk.volumeId);
  return mutate(`Create the volume that replaces ${disk.volumeId}`, downtime.bounded()).createReplacement({
    plan,
    migrationId: id,
    disk,
    snapshotId,
  });
}
