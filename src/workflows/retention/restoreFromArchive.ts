import {
  restoreFromArchiveInput,
  type RestoreFromArchiveInput,
  type RestoreFromArchiveResult,
} from '../../model/retention/restoreFromArchive';
import { targetKey } from '../../model/target';
import { runOperation } from '../support/operation';
import { mutate, read, wait } from '../support/options';
import { resolveTarget } from '../support/target';

/** Brings a recovery point back from the archive, so that volumes can be made of it: EBS takes up to 72 hours. */
export async function restoreFromArchive(input: RestoreFromArchiveInput): Promise<RestoreFromArchiveResult> {
  return runOperation(restoreFromArchiveInput, input, async (request, run) => {
    const { recoveryPointId, days } = request;
    const target = await resolveTarget(request.target);
    run.about({ target });
    run.phase('Restoring');
    const snapshotIds = await mutate(`Restore ${recoveryPointId}`).restoreArchived({
      target,
      recoveryPointId,
      days,
    });
    run.row(recoveryPointId, 'restoring', `${snapshotIds.length} snapshots; EBS takes up to 72 hours`);
    await wait(`Wait for ${recoveryPointId}`).awaitRestored({ target, snapshotIds });
    const backUntil = await read(`When ${recoveryPointId} goes back`).restoredUntil({ target, snapshotIds });
    run.row(recoveryPointId, 'here', backUntil && `until ${backUntil}`);
    return { recoveryPointId, target: targetKey(target), snapshotIds, ...(backUntil && { backUntil }) };
  });
}
