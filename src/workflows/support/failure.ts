import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  type TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';

/** The failure that an activity or child really raised, out of Temporal's wrappers. */
export function rootCause(error: unknown): Error {
  let current = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause) {
    current = current.cause;
  }
  return current instanceof Error ? current : new Error(String(current));
}

export function failureType(error: unknown): string {
  const cause = rootCause(error);
  if (cause instanceof ApplicationFailure) return cause.type ?? FAILURE.serviceError;
  if (isCancellation(error)) return 'Cancelled';
  if (cause instanceof TimeoutFailure) return FAILURE.timeout;
  return cause.name;
}

/**
 * Why, in the words of what failed. Of an activity whose time is over Temporal says that alone; its last failure is kept below, where
 * the SDK leaves it as it came.
 */
export function reasonOf(error: unknown): string {
  const cause = rootCause(error);
  const last = cause instanceof TimeoutFailure ? cause.failure?.cause?.message : undefined;
  return last ? `its time is over; its last try failed: ${last}` : cause.message;
}

export function failedItem(item: string, error: unknown): FailedItem {
  return { item, type: failureType(error), message: reasonOf(error) };
}

/**
 * What a run fails with: "Activity task failed" is all that the Web UI, the temporal CLI and whatever reads events show first of an
 * activity's failure. A cancellation stays one.
 */
export function inOwnWords(error: TemporalFailure): TemporalFailure {
  const isWrapped = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  if (!isWrapped || isCancellation(error)) return error;
  const cause = rootCause(error);
  const details = cause instanceof ApplicationFailure ? (cause.details ?? undefined) : undefined;
  const said = reasonOf(error);
  const what = error instanceof ActivityFailure ? error.activityType : error.workflowType;
  return ApplicationFailure.create({
    type: failureType(error).replace(/Failure$/, ''),
    message: cause instanceof ApplicationFailure ? said : `${what}: ${said}`,
    nonRetryable: true,
    details,
    cause: error,
  });
}

/** Ends the workflow Failed: what was asked for cannot be had. Details are the result, where there is one. */
export function fail(type: string, message: string, ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, details });
}

interface Tally {
  /** What the result is about, in plural: `machines`, `regions`. */
  what: string;
  succeeded: number;
  failed: number;
}

/**
 * Returns the result when everything asked for happened, and fails the workflow with the result as details when not:
 * the Web UI, the CLI's exit code and alerts then say the same.
 */
export function settle<Result>(result: Result, { what, succeeded, failed }: Tally): Result {
  if (failed === 0) return result;
  if (succeeded === 0) throw fail(FAILURE.allFailed, `all ${failed} ${what} failed; see the details`, result);
  throw fail(
    FAILURE.partialFailure,
    `${failed} of ${failed + succeeded} ${what} failed; see the details`,
    result,
  );
}
