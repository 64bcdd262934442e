import { CancellationScope } from '@temporalio/workflow';
import type { Strategy, StrategyPlan } from '../../../model/moves/strategy';
import { mutate, protect, read, undo as undoing, wait } from '../../support/options';
import type { Move } from '../migration';
import { makeNewVolumes, createVolumeFrom } from '../strategies/newVolumes';
import { deleteStaging } from '../undoing';
import type { DiskPlan } from '../../../model/machines/facts';
import type { Replacements } from '../made';

/** An activity hears of its cancellation with its heartbeats, and this one has only that to end it. */
const SOON = '10 seconds';

/** A volume whose place the new one takes; the original is kept. */
export interface Moved {
  move: Move;
  replacements: Replacements;
  /** When somebody may have begun to write to the new one, in milliseconds since the epoch. */
  writesSince: number;
  /** A moment since which nobody has written to the original: milliseconds since the epoch. */
  lastMoment: number;
  /** Tags elsewhere that hold the old id. */
  references: string[];
  /** Unknown of a move that a later run has taken over. */
  strategy?: StrategyPlan;
}

/** The mark is there before anything is made: a terminated run cannot undo, and the next one must know. */
export async function beginMove(move: Move): Promise<void> {
  const { plan, id, undo } = move;
  await read(`Check that nobody uses ${nameOf(move)}`).requireAlone({ plan });
  undo.register('the volume is as before', () => verifyUntouched(move));
  undo.register('marks', () => removeVolumeMarks(move));
  await mutate(`Mark ${nameOf(move)}`).markVolume({ plan, migrationId: id, phase: 'swap' });
}

/** Whoever uses the original while it is copied may write what the copy does not have, so that ends the move at once. */
export async function makeEncryptedVolume(move: Move, strategy: Strategy): Promise<Replacements> {
  const [making, watching] = [new CancellationScope(), new CancellationScope()];
  const made = making.run(() => makeNewVolumes(move, (disk) => WAYS[strategy](move, disk)));
  const watched = watching.run(() =>
    wait(`Watch that nobody uses ${nameOf(move)}`, { heartbeatTimeout: SOON }).watchAlone({
      plan: move.plan,
    }),
  );
  try {
    return await Promise.race([made, watched]);
  } finally {
    making.cancel();
    watching.cancel();
    // An undo never races a call that is still under way.
    await Promise.allSettled([made, watched]);
  }
}

/** From here on the new volume may be used. */
export async function finishMove(move: Move): Promise<string[]> {
  const { plan, id, run } = move;
  run.phase('Checking');
  await read(`Check that nobody used ${nameOf(move)}`).requireAlone({ plan });
  const references = await findReferences(move);
  await mutate(`Mark ${nameOf(move)} as replaced`).markVolume({
    ...{ plan, migrationId: id, phase: 'soak' },
    replacedBy: move.made.volumes[nameOf(move)],
  });
  return references;
}

export async function findReferences(move: Move): Promise<string[]> {
  const { target } = move.plan;
  const found = await read(`Look for tags that hold ${nameOf(move)}`).referencesTo({
    target,
    volumeId: nameOf(move),
  });
  for (const reference of found) move.run.row(reference, 'names the old volume');
  return found;
}

/** What is taken of a volume that nobody uses is all that is on it. */
const WAYS: Record<Strategy, (move: Move, disk: DiskPlan) => Promise<string>> = {
  async direct(move, disk) {
    const snapshotId = await takeCompletedSnapshot(move, disk);
    return createVolumeFrom(move, disk, { [disk.volumeId]: snapshotId });
  },

  async copy(move, disk) {
    const { plan, id } = move;
    const { volumeId } = disk;
    const snapshotId = await takeCompletedSnapshot(move, disk);
    const copy = await move.made.recordStaged(
      () =>
        mutate(`Copy ${snapshotId} encrypted`).startEncryptedCopy({
          ...{ plan, migrationId: id, stage: 'final', volumeId, snapshotId },
        }),
      (copyId) => [copyId],
    );
    await awaitCompleted(move, copy);
    return createVolumeFrom(move, disk, { [volumeId]: copy });
  },

  async clone({ plan, id, undo }, disk) {
    undo.register('claim of a volume copy', () =>
      undoing('Give up the claim of a volume copy').releaseClones({ plan }),
    );
    await protect('Claim a volume copy').claimClones({ plan, migrationId: id, wait: true });
    return mutate(`Clone ${disk.volumeId} encrypted`).cloneReplacement({ plan, migrationId: id, disk });
  },
};

async function takeCompletedSnapshot(move: Move, { volumeId }: DiskPlan): Promise<string> {
  const { plan, id, undo, run, made } = move;
  undo.register('staging snapshots', () => deleteStaging(move));
  const snapshotId = await made.recordStaged(
    () => mutate(`Snapshot ${volumeId}`).snapshotOriginal({ plan, migrationId: id, volumeId }),
    (id) => [id],
  );
  run.row(volumeId, 'snapshot', snapshotId);
  await awaitCompleted(move, snapshotId);
  return snapshotId;
}

async function awaitCompleted({ plan: { target } }: Move, snapshotId: string): Promise<void> {
  await wait(`Wait for ${snapshotId}`).awaitSnapshots({
    target,
    snapshotIds: [snapshotId],
    unhurried: true,
  });
}

/** @param stay new volumes that stay, with their marks */
export async function removeVolumeMarks(
  { plan, id, made }: Pick<Move, 'plan' | 'id' | 'made'>,
  stay: readonly string[] = [],
): Promise<void> {
  const own = Object.values(made.volumes).filter((volumeId) => !stay.includes(volumeId));
  await undoing('Remove the marks').unmarkVolume({ plan, migrationId: id, made: own });
}

export async function verifyUntouched(
  { plan, id, made }: Pick<Move, 'plan' | 'id' | 'made'>,
  stay: readonly string[] = [],
): Promise<void> {
  const gone = Object.values(made.volumes).filter((volumeId) => !stay.includes(volumeId));
  await undoing('Verify that nothing is left').requireUntouched({ plan, migrationId: id, made: gone });
}

/** It has one volume. */
export function nameOf({ plan }: Pick<Move, 'plan'>): string {
  return plan.disks[0]?.volumeId ?? '';
}
