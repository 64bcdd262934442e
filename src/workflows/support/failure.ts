import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
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

export function failedItem(item: string, error: unknown): FailedItem {
  return { item, type: failureType(error), message: rootCause(error).message };
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
