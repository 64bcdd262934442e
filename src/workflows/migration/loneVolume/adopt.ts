import { CancellationScope, CancelledFailure, patched } from '@temporalio/workflow';
import type { MigrateVolumeRequest } from '../../../model/loneVolume';
import { failedItem } from '../../support/failure';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import { Made } from '../made';
import { newMove, type Move } from '../migration';
import { untilDone, type Orders } from '../orders';
import { deleteNewVolumes, deleteStaging, leftAlone } from '../undoing';
import { nameOf, referencesTo, removeVolumeMarks, verifyUntouched, type Moved } from './steps';

/**
 * What a terminated move has left: the soak of one that was over is taken over, and what another has made is removed,
 * so that the caller begins anew. Until the soak nobody was told of the new volume. What has begun is carried through: a
 * cancel ends the run after it.
 */
export async function adoptInterruptedVolume(
  request: MigrateVolumeRequest,
  run: Run,
  orders: Orders,
): Promise<Moved | undefined> {
  if (!patched('take-over-is-carried-through')) return adopt(request, run, orders);
  const scope = CancellationScope.current();
  const moved = await CancellationScope.nonCancellable(() => adopt(request, run, orders));
  if (!moved && scope.consideredCancelled)
    throw new CancelledFailure('it was cancelled; what an interrupted move had left was removed first');
  return moved;
}

async function adopt(request: MigrateVolumeRequest, run: Run, orders: Orders): Promise<Moved | undefined> {
  const { target, volumeId, kmsKeyArn } = request;
  const look = read(`Look for an interrupted move of ${volumeId}`);
  const found = await look.findInterruptedVolume({ target, volumeId, kmsKeyArn });
  if (!found) return undefined;
  const { migrationId, plan, soaking, replacements = {}, unclear, staged } = found;
  run.remark(`Move ${migrationId} of this volume was interrupted.`);
  leftAlone(run, unclear);
  const known = soaking ? { [volumeId]: soaking.volumeId } : replacements;
  const made = Made.before(known, found.named ? [] : [volumeId], staged);
  const move: Move = { ...newMove(plan, run, orders, request), id: migrationId, made };
  if (soaking === undefined) {
    await remove(move);
    return undefined;
  }
  const { volumeId: newVolume, createdAt: writesSince } = soaking;
  return {
    ...{ move, writesSince, lastMoment: writesSince },
    replacements: { [nameOf(move)]: newVolume },
    references: await referencesTo(move),
  };
}

async function remove(move: Move): Promise<void> {
  move.run.phase('Undoing an interrupted move');
  const steps: [string, (move: Move) => Promise<void>][] = [
    ['delete the new volume', deleteNewVolumes],
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeVolumeMarks],
    ['verify', verifyUntouched],
  ];
  for (const [item, step] of steps)
    await untilDone(
      move.orders,
      item,
      () => step(move),
      (error) => failedItem(item, error),
    );
}
