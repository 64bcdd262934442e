import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as timer } from 'node:timers/promises';
import { sleep as activitySleep } from '@temporalio/activity';

/** The clock by which activities wait, as against the calendar of `ActivityDeps.calendar`, by which points expire. */
export interface Waits {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Ends early, with a CancelledFailure, when the activity is cancelled. */
  sleep(ms: number): Promise<void>;
  /** Goes on although the activity is cancelled; what ends it early, with an AbortError, is the signal. */
  rest(ms: number, signal?: AbortSignal): Promise<void>;
}

export const REAL_WAITS: Waits = {
  now: () => Date.now(),
  sleep: activitySleep,
  rest: (ms, signal) => timer(ms, undefined, { signal }),
};

const injected = new AsyncLocalStorage<Waits>();

/** Milliseconds since the epoch, by the clock that the running activity waits by. */
export function now(): number {
  return (injected.getStore() ?? REAL_WAITS).now();
}

export function sleep(ms: number): Promise<void> {
  return (injected.getStore() ?? REAL_WAITS).sleep(ms);
}

/** For what has to come to its end, and for whoever is called outside of an activity. */
export function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return (injected.getStore() ?? REAL_WAITS).rest(ms, signal);
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
