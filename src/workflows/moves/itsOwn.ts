import { CancellationScope, patched } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import { failureType } from '../support/failure';
import { undo } from '../support/options';
import { ORIGINALS_BACK, type Migration, type Move } from './migration';

/**
 * A run that was reset to before its swap does not know of it: its undo would take the marks off volumes that are in use, and off
 * the originals that are kept.
 *
 * @throws ApplicationFailure Conflict where the machine is further than this run; nothing was touched
 */
export async function requireNotSwapped({ plan, id, undo: steps }: Migration): Promise<void> {
  if (steps.has(ORIGINALS_BACK) || !patched('undo-asks-how-far-it-is')) return;
  await unlessConflict(() =>
    undo(`Ask how far ${plan.instanceId} is`).requireNotSwapped({ plan, migrationId: id }),
  );
}

/** The same of a volume by itself, whose new one may be in use. */
export async function requireNotReplaced({ plan, id }: Move): Promise<void> {
  if (!patched('undo-asks-how-far-it-is')) return;
  await unlessConflict(() => undo('Ask how far it is').requireNotReplaced({ plan, migrationId: id }));
}

/** What cannot be asked keeps no undo from what it knows. */
async function unlessConflict(ask: () => Promise<void>): Promise<void> {
  try {
    await CancellationScope.nonCancellable(ask);
  } catch (error) {
    if (failureType(error) === FAILURE.conflict) throw error;
  }
}
