import { CancellationScope, CancelledFailure, patched } from '@temporalio/workflow';
import type { MigrateVolumeRequest, MigrateVolumeResult } from '../../../model/moves/loneVolume';
import { failedItem } from '../../support/failure';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import { Made } from '../made';
import { newMove, type Move } from '../migration';
import { tryUntilDone, type Orders } from '../orders';
import { UNTIL_GONE } from '../finalPoint';
import { deleteNewVolumes, deleteStaging, nameLeftAlone } from '../undoing';
import { putVolumeBack } from './soak';
import { nameOf, findReferences, removeVolumeMarks, verifyUntouched, type Moved } from './steps';

/**
 * What a terminated move has left: the soak of one that was over is taken over, and what another has made is removed,
 * so that the caller begins anew. Until the soak nobody was told of the new volume. What has begun is carried through: a
 * cancel ends the run after it.
 */
export async function adoptInterruptedVolume(
  request: MigrateVolumeRequest,
  run: Run,
  orders: Orders,
): Promise<Moved | MigrateVolumeResult | undefined> {
  if (!patched('take-over-is-carried-through')) return adopt(request, run, orders);
  const scope = CancellationScope.current();
  const moved = await CancellationScope.nonCancellable(() => adopt(request, run, orders));
  if (!moved && scope.consideredCancelled)
    throw new CancelledFailure('it was cancelled; what an interrupted move had left was removed first');
  return moved;
}

async function adopt(
  request: MigrateVolumeRequest,
  run: Run,
  orders: Orders,
): Promise<Moved | MigrateVolumeResult | undefined> {
  const { target, volumeId, kmsKeyArn } = request;
  const look = read(`Look for an interrupted move of ${volumeId}`, UNTIL_GONE);
  const found = await look.findInterruptedVolume({ target, volumeId, kmsKeyArn });
  if (!found) return undefined;
  const { migrationId, plan, soaking, replacements = {}, unclear, staged, goingBack, committed } = found;
  run.remark(`Move ${migrationId} of this volume was interrupted.`);
  nameLeftAlone(run, unclear);
  const known = soaking ? { [volumeId]: soaking.volumeId } : replacements;
  const made = Made.before(known, found.named ? [] : [volumeId], staged);
  const move: Move = { ...newMove(plan, run, orders, request), id: migrationId, made };
  if (committed) return endCommit(move);
  if (soaking === undefined) {
    await removeInterrupted(move);
    return undefined;
  }
  if (goingBack) {
    await putVolumeBack(move, goingBack);
    return undefined;
  }
  const { volumeId: newVolume, createdAt: writesSince } = soaking;
  return {
    ...{ move, writesSince, lastMoment: writesSince },
    replacements: { [nameOf(move)]: newVolume },
    references: await findReferences(move),
  };
}

async function removeInterrupted(move: Move): Promise<void> {
  move.run.phase('Undoing an interrupted move');
  await tryEachUntilDone(move, [
    ['delete the new volume', deleteNewVolumes],
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeVolumeMarks],
    ['verify', verifyUntouched],
  ]);
}

/** The original is deleted: what its commit still had to do is done. */
async function endCommit(move: Move): Promise<MigrateVolumeResult> {
  const volumeId = nameOf(move);
  move.run.phase('Committing');
  await tryEachUntilDone(move, [
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeVolumeMarks],
  ]);
  move.run.row(volumeId, 'committed', move.made.volumes[volumeId]);
  const message = `an earlier run had deleted it in its commit, and a recovery point of its last moment stays; what was left to do is done`;
  return { volumeId, outcome: 'nothing', message, volumeIdMap: { ...move.made.volumes }, committed: true };
}

type Step = [string, (move: Move) => Promise<void>];

async function tryEachUntilDone(move: Move, steps: readonly Step[]): Promise<void> {
  for (const [item, step] of steps)
    await tryUntilDone(
      move.orders,
      item,
      () => step(move),
      (error) => failedItem(item, error),
    );
}
