import { ApplicationFailure } from '@temporalio/common';
import { FAILURE, type FailureType } from '../model/failures';

/** What ends an activity for good: no attempt of the same could succeed. */
export function finalFailure(type: FailureType, message: string, ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...details);
}

/** What Temporal tries again, for it may pass by itself. */
export function passingFailure(type: FailureType, message: string): ApplicationFailure {
  return ApplicationFailure.retryable(message, type);
}

/** Of a thing made or changed a moment ago. */
export function notYetVisible(message: string): ApplicationFailure {
  return passingFailure(FAILURE.notYetVisible, message);
}

/** Of an answer that lacks what AWS always gives. */
export function incompleteAnswer(message: string): ApplicationFailure {
  return passingFailure(FAILURE.serviceError, message);
}

/** Of a state that time alone does not change. */
export function conflict(message: string): ApplicationFailure {
  return finalFailure(FAILURE.conflict, message);
}

export function notFound(message: string): ApplicationFailure {
  return finalFailure(FAILURE.notFound, message);
}

interface Changes {
  message?: string;
  nonRetryable?: boolean;
  /** Milliseconds until the next attempt. */
  nextRetryDelay?: number;
}

/** The same failure, but for what is given. */
export function changedFailure(failure: ApplicationFailure, changes: Changes): ApplicationFailure {
  const { message, type, nonRetryable, nextRetryDelay, details, cause } = failure;
  return ApplicationFailure.create({
    ...{ message, cause },
    nextRetryDelay: nextRetryDelay ?? undefined,
    nonRetryable: nonRetryable ?? false,
    type: type ?? FAILURE.serviceError,
    details: details ?? [],
    ...changes,
  });
}
