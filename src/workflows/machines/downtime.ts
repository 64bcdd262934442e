import { ActivityFailure, TimeoutFailure, type ActivityOptions } from '@temporalio/workflow';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { fail, rootCause } from '../support/failure';

/** Stops, swaps, starts and undos end or prevent somebody's downtime: they go before everything else on the queue. */
export const URGENT: ActivityOptions = { priority: { priorityKey: 1 } };

/** What the machine's users notice: from the stop call until it runs again. */
export class Downtime {
  private beganAt: number | undefined;
  private endedAt: number | undefined;

  constructor(private readonly maxMs: number) {}

  begin(): void {
    this.beganAt = Date.now();
  }

  end(): void {
    this.endedAt = Date.now();
  }

  /** The stop may have been called. */
  get hasBegun(): boolean {
    return this.beganAt !== undefined;
  }

  get ms(): number {
    return this.beganAt === undefined ? 0 : (this.endedAt ?? Date.now()) - this.beganAt;
  }

  /**
   * Options for a call while the machine is down: it may take what is left of the budget. A machine that was stopped
   * anyway has no budget to keep.
   *
   * @throws ApplicationFailure DowntimeExceeded when nothing is left
   */
  bounded(): ActivityOptions {
    if (this.beganAt === undefined) return URGENT;
    const leftMs = this.maxMs - this.ms;
    if (leftMs <= 0)
      throw fail(FAILURE.downtimeExceeded, 'the machine has been down for as long as maxDowntime allows');
    return { ...URGENT, scheduleToCloseTimeout: leftMs };
  }

  /** What may still pass of the budget until the machine has to be well again; for ever where it was not stopped. */
  get leftMs(): number {
    return this.beganAt === undefined ? Infinity : Math.max(0, this.beganAt + this.maxMs - Date.now());
  }

  /** A call that the budget cut off says so; a timeout alone would tell nobody what to change. */
  explain(failure: unknown): unknown {
    const cutOff =
      rootCause(failure) instanceof TimeoutFailure && this.beganAt !== undefined && !this.endedAt;
    if (!cutOff) return failure;
    const at = failure instanceof ActivityFailure ? `; ${failure.activityType} was cut off` : '';
    return fail(
      FAILURE.downtimeExceeded,
      `the machine would have been down for longer than maxDowntime, ${formatDuration(this.maxMs)}${at}. Give it more, or make its volumes' last copies smaller by migrating when it writes less`,
    );
  }
}
