import { destinationOf } from '../copies/copy';
import type { NormalizedPolicy } from './policy';
import type { Target } from '../target';

/** Where a policy leaves recovery points: its targets, and the regions that it copies them to. */
export function placesOf({ targets, copies }: NormalizedPolicy): Target[] {
  return targets.flatMap((target) => [target, ...copies.map((terms) => destinationOf({ target, terms }))]);
}
