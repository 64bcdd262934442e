import { ApplicationFailure } from '@temporalio/common';
import { classify } from '../../aws/classify';
import { toFailure } from '../../aws/failures';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';

/** Of what may be done twice: an answer that did not come says nothing, and is no reason to report a failure. */
export async function tryOnceMore<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Error) || classify(error.name).type !== FAILURE.serviceError) throw error;
    return action();
  }
}

/**
 * Whether it says nothing of the thing that was asked for: Holdfast's own budget and AWS's throttles and faults pass, and whoever
 * tries the whole again finds what is left. What nobody can judge is told of the one thing.
 */
export function passes(error: unknown): boolean {
  if (error instanceof ApplicationFailure) return error.type === FAILURE.throttled;
  if (!(error instanceof Error)) return false;
  const { type, retry, bounded } = classify(error.name);
  return type === FAILURE.throttled || (type === FAILURE.serviceError && retry && !bounded);
}

/** One thing of a batch that did not happen, where the others go on. */
export function failedItem(item: string, error: unknown): FailedItem {
  const failure = toFailure(error);
  const type = failure instanceof ApplicationFailure ? (failure.type ?? failure.name) : failure.name;
  return { item, type, message: failure.message };
}
