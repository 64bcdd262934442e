import { CancellationScope, log } from '@temporalio/workflow';
import { failedItem } from './failure';
import type { FailedItem } from '../../model/outcome';

interface UndoStep {
  name: string;
  undo: () => Promise<unknown>;
}

export interface UndoReport {
  undone: string[];
  failed: FailedItem[];
}

/**
 * What must be put back if a later step fails. A step is registered BEFORE the call that it undoes: the call may
 * take effect although its answer never arrives. So every undo finds what to put back by tag or by looking, and does
 * nothing where nothing happened.
 */
export class UndoStack {
  private readonly steps: UndoStep[] = [];

  register(name: string, undo: () => Promise<unknown>): void {
    this.steps.push({ name, undo });
  }

  /** For a step that several calls share, each of which may be the first: it is undone after all of them. */
  registerOnce(name: string, undo: () => Promise<unknown>): void {
    if (!this.has(name)) this.register(name, undo);
  }

  has(name: string): boolean {
    return this.steps.some((step) => step.name === name);
  }

  /** From now on this step is undone before all that are registered, where it is one of them. */
  raise(name: string): void {
    const at = this.steps.findIndex((step) => step.name === name);
    if (at >= 0) this.steps.push(...this.steps.splice(at, 1));
  }

  /** Takes over the steps of a part that has ended well: should the whole fail, they are undone first. */
  absorb(part: UndoStack): void {
    this.steps.push(...part.steps.splice(0));
  }

  /**
   * Undoes everything, last step first, also when the workflow was cancelled.
   *
   * @param onStuck is told of a step that cannot be undone; when it returns, the step is tried again. Without it, a
   * failed step is reported and the next one is undone: right only where the steps do not depend on each other.
   */
  async unwind(onStuck?: (failure: FailedItem) => Promise<void>): Promise<UndoReport> {
    const report: UndoReport = { undone: [], failed: [] };
    await CancellationScope.nonCancellable(async () => {
      for (let step = this.steps.pop(); step; step = this.steps.pop())
        await this.undoOne(step, report, onStuck);
    });
    return report;
  }

  private async undoOne(
    step: UndoStep,
    report: UndoReport,
    onStuck?: (failure: FailedItem) => Promise<void>,
  ) {
    for (;;) {
      try {
        await step.undo();
        report.undone.push(step.name);
        return;
      } catch (error) {
        const failure = failedItem(step.name, error);
        log.error('a step could not be undone', { ...failure });
        if (!onStuck) {
          report.failed.push(failure);
          return;
        }
        await onStuck(failure);
      }
    }
  }
}
