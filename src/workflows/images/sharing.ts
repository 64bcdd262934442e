import { isCancellation, patched } from '@temporalio/workflow';
import type { GrantMade } from '../../activities/keys/grants';
import type { FailedItem } from '../../model/outcome';
import { grantName, isShared, missingFrom, type SharedImage } from '../../model/images/sharing';
import type { Target } from '../../model/target';
import { failedItem } from '../support/failure';
import type { Run } from '../support/operation';
import { mutate, read, undo as undoing, verify } from '../support/options';
import { UndoStack } from '../support/undo';
import { showUndone } from '../support/undone';

export interface Shares {
  sharedWith: string[];
  failed: FailedItem[];
}

/**
 * Shares an image with each partner, as a unit: key, snapshots, image, or nothing. A partner that fails is undone and
 * the others go on. What was shared by this run is registered with `undo`, for a run that does not finish.
 */
export async function shareWithEach(
  partners: readonly string[],
  target: Target,
  image: SharedImage,
  run: Run,
  undo: UndoStack,
): Promise<Shares> {
  const shares: Shares = { sharedWith: [], failed: [] };
  for (const partner of partners) run.row(partner, 'waiting');
  for (const partner of partners) {
    const unit = new UndoStack();
    try {
      await shareWith(partner, target, image, run, unit);
      shares.sharedWith.push(partner);
      undo.absorb(unit);
    } catch (error) {
      showUndone(run, await unit.unwind());
      if (isCancellation(error)) throw error;
      const failure = failedItem(partner, error);
      shares.failed.push(failure);
      run.row(partner, 'failed', failure.message);
    }
  }
  return shares;
}

async function shareWith(
  partner: string,
  target: Target,
  image: SharedImage,
  run: Run,
  unit: UndoStack,
): Promise<void> {
  const { amiId } = image;
  run.row(partner, 'sharing');
  const before = await read(`What may ${partner} do with ${amiId}?`).readShare({ target, image, partner });
  if (isShared(image, before)) {
    run.row(partner, 'shared', 'was shared already');
    return;
  }
  // Only what is missing is added, and only that is ever taken back.
  const { kmsKeyIds, snapshotIds, launch } = missingFrom(image, before);
  if (kmsKeyIds.length > 0) {
    const grant = { target, kmsKeyIds, partner, name: grantName(amiId, partner) };
    const sinceMs = Date.now();
    const kept: { grants?: GrantMade[] } = {};
    unit.register(`key of ${amiId} for ${partner}`, () => {
      const call = undoing(`Take the key back from ${partner}`);
      if (!patched('revokes-grants-by-id')) return call.revokeKeyUse(grant);
      const { name } = grant;
      return call.revokeGrants({
        target,
        partner,
        name,
        ...(kept.grants ? { grants: kept.grants } : { kmsKeyIds, sinceMs }),
      });
    });
    kept.grants = await mutate(`Let ${partner} use the key`).grantKeyUse(grant);
  }
  if (snapshotIds.length > 0) {
    const permission = { target, snapshotIds, partner };
    const kept = { added: snapshotIds };
    unit.register(`snapshots of ${amiId} for ${partner}`, () =>
      undoing(`Take ${snapshotIds.length} snapshots back from ${partner}`).unshareSnapshots({
        ...permission,
        snapshotIds: kept.added,
      }),
    );
    const added = await mutate(`Share ${snapshotIds.length} snapshots with ${partner}`).shareSnapshots(
      permission,
    );
    // 0.1.0 did not say.
    if (Array.isArray(added)) kept.added = added;
  }
  if (launch) {
    const permission = { target, amiId, partner };
    const share = { isOurs: true };
    unit.register(`${amiId} for ${partner}`, async () => {
      // Somebody else gave it meanwhile, and it is theirs to take back.
      if (share.isOurs) await undoing(`Take ${amiId} back from ${partner}`).unshareLaunch(permission);
    });
    const added = await mutate(`Share ${amiId} with ${partner}`).shareLaunch(permission);
    share.isOurs = added !== false;
  }
  await verify(`Verify that ${partner} can use ${amiId}`).verifyShare({ target, image, partner });
  run.row(partner, 'shared');
}
