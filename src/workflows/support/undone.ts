import { isCancellation, TemporalFailure } from '@temporalio/workflow';
import { failureType, fail, rootCause } from './failure';
import type { Run } from './operation';
import type { UndoReport, UndoStack } from './undo';

/**
 * Undoes what a failed or cancelled run did, says so, and ends the run with its own failure. What could not be undone
 * joins the message: nobody should have to find a leftover by its cost.
 */
export async function undoAndRethrow(error: unknown, run: Run, undo: UndoStack): Promise<never> {
  // A defect fails the workflow task, not the run: a fixed worker goes on from here, with nothing undone.
  if (!(error instanceof TemporalFailure)) throw error;
  run.phase('Undoing');
  const report = await undo.unwind();
  showUndone(run, report);
  if (report.failed.length === 0 || isCancellation(error)) throw error;
  throw fail(failureType(error), `${rootCause(error).message}. ${leftovers(report)}`);
}

export function showUndone(run: Run, report: UndoReport): void {
  for (const step of report.undone) run.row(`undo: ${step}`, 'done');
  for (const { item, message } of report.failed) run.row(`undo: ${item}`, 'failed', message);
  if (report.failed.length > 0) run.remark(leftovers(report));
}

function leftovers({ failed }: UndoReport): string {
  const steps = failed.map(({ item, message }) => `${item} (${message})`).join('; ');
  return `Not undone, do it by hand: ${steps}`;
}
