import type { ApplicationFailure } from '@temporalio/common';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';

/**
 * Whose a thing is (docs/adr/0033). Tags and descriptions find; whoever may write tags can copy them all. Proof is an id that
 * the run recorded, or an id that it gets again by repeating a ClientToken. Without either it is the only candidate
 * whose facts as AWS itself records them agree: give `theOnly` candidates that have passed that, and no others.
 *
 * @param what the candidates seem to be: "volumes that replace vol-1 for migration mig-1"
 * @returns undefined where there is none
 * @throws ApplicationFailure AmbiguousOwner, non-retryable, naming all where there are several: none of them is touched
 */
export function theOnly<Item>(
  candidates: readonly Item[],
  idOf: (item: Item) => string | undefined,
  what: string,
): Item | undefined {
  if (candidates.length <= 1) return candidates[0];
  throw ambiguous(
    what,
    candidates.flatMap((item) => idOf(item) ?? []),
  );
}

export function ambiguous(what: string, ids: readonly string[]): ApplicationFailure {
  return finalFailure(
    FAILURE.ambiguousOwner,
    `${[...ids].sort().join(', ')} all seem to be the ${what}, and only one can be; nothing was touched. Somebody has copied Holdfast's marks: remove them, or the thing, where it is not Holdfast's`,
    [...ids].sort(),
  );
}
