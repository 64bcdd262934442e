import type { Pace } from '../support/pace/pace';
import type { Item } from './items';
import { now } from '../support/pace/waits';

/** When to look next at what is under way, in milliseconds of this machine's clock. */
export function nextLook(items: readonly Item[], pace: Pace, lookedAt: number): number {
  const unsure = items.filter(({ state }) => state === 'unsure').map(({ nextAt }) => nextAt);
  const pending = items.filter(({ state }) => state === 'pending');
  const ids = pending.map(({ now: { recoveryPointId } }) => recoveryPointId);
  return Math.min(...unsure, pace.nextLook(ids, lookedAt));
}

/** When there is something to do, to look at or to start. */
export function nextStep(items: readonly Item[], lookAt: number, pollMs: number): number {
  const starts = items.filter(({ state }) => state === 'waiting').map(({ nextAt }) => nextAt);
  const atLeast = starts.length > 0 ? now() + pollMs / 5 : 0;
  return Math.min(lookAt, Math.max(Math.min(...starts), atLeast), now() + pollMs);
}
