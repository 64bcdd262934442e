import type { MigrateVolumeRequest } from '../../../model/loneVolume';
import { failedItem } from '../../support/failure';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import { newMove, type Move } from '../migration';
import { untilDone, type Orders } from '../orders';
import { deleteNewVolumes, deleteStaging } from '../undoing';
import { nameOf, referencesTo, removeVolumeMarks, verifyUntouched, type Moved } from './steps';

/**
 * What a terminated move has left: the soak of one that was over is taken over, and what another has made is removed,
 * so that the caller begins anew. Until the soak nobody was told of the new volume.
 */
export async function adoptInterruptedVolume(
  { target, volumeId, kmsKeyArn }: MigrateVolumeRequest,
  run: Run,
  orders: Orders,
): Promise<Moved | undefined> {
  const look = read(`Look for an interrupted move of ${volumeId}`);
  const found = await look.findInterruptedVolume({ target, volumeId, kmsKeyArn });
  if (!found) return undefined;
  const { migrationId, plan, soaking } = found;
  run.remark(`Move ${migrationId} of this volume was interrupted.`);
  const move: Move = { ...newMove(plan, run, orders), id: migrationId };
  if (soaking === undefined) {
    await remove(move);
    return undefined;
  }
  const { volumeId: made, createdAt: writesSince } = soaking;
  return { move, replacements: { [nameOf(move)]: made }, writesSince, references: await referencesTo(move) };
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
