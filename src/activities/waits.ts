import { AsyncLocalStorage } from 'node:async_hooks';
import { sleep as activitySleep } from '@temporalio/activity';

/** The clock by which activities wait, as against the calendar of `ActivityDeps.clock`, by which points expire. */
export interface Waits {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Ends early, with a CancelledFailure, when the activity is cancelled. */
  sleep(ms: number): Promise<void>;
}

export const REAL_WAITS: Waits = { now: Date.now, sleep: activitySleep };

const injected = new AsyncLocalStorage<Waits>();

/** Milliseconds since the epoch, by the clock that the running activity waits by. */
export function now(): number {
  return (injected.getStore() ?? REAL_WAITS).now();
}

export function sleep(ms: number): Promise<void> {
  return (injected.getStore() ?? REAL_WAITS).sleep(ms);
}

type AnyActivity = (input: never) => Promise<unknown>;

/** Every activity waits by this clock, whatever helper does the waiting; tests skip the time and count it. */
export function withWaits<T extends Record<string, AnyActivity>>(activities: T, waits: Waits): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => injected.run(waits, () => activity(input)),
  ]);
  return Object.fromEntries(wrapped) as T;
}
