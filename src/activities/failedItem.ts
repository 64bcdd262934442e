import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from '../aws/failures';
import type { FailedItem } from '../model/outcome';

/** One thing of a batch that did not happen, where the others go on. */
export function failedItem(item: string, error: unknown): FailedItem {
  const failure = toFailure(error);
  const type = failure instanceof ApplicationFailure ? (failure.type ?? failure.name) : failure.name;
  return { item, type, message: failure.message };
}
