import { ApplicationFailure } from '@temporalio/common';
import { classify } from '../../aws/classify';
import { calledAction } from '../../aws/failures';
import { FAILURE } from '../../model/failures';
import type { NotChecked } from '../../model/outcome';

/** A look that is not allowed is left out, and says which permission it needs. */
export async function unlessDenied<Found>(
  look: () => Promise<Found>,
  { what, items }: Pick<NotChecked, 'what' | 'items'>,
): Promise<Found | NotChecked> {
  try {
    return await look();
  } catch (error) {
    if (!isDenied(error)) throw error;
    return { what, items, why: deniedText(error) };
  }
}

/** By AWS, or by an accounts file that gives no role for it. */
export function isDenied(error: unknown): error is Error {
  if (error instanceof ApplicationFailure) return error.type === FAILURE.targetNotAllowed;
  return error instanceof Error && classify(error.name).type === FAILURE.accessDenied;
}

export function deniedText(error: Error): string {
  const action = calledAction(error);
  return action ? `it needs ${action} (${error.name})` : error.message;
}
