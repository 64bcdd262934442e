import { asyncLocalStorage, type Context } from '@temporalio/activity';

/** Pauses before an activity's next attempt, by RETRY in src/workflows/support/options.ts. */
export const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

interface Attempt {
  /** By this process's own clock, in milliseconds. */
  begun: number;
  /** What its heartbeats told last. */
  told?: { details: unknown };
}

const ATTEMPTS = new WeakMap<Context, Attempt>();

/**
 * Says that the running activity lives, where anybody waits for that. It tells again what was told last, in this attempt or in the one
 * before it: what the last heartbeat told is all that the next attempt hears, and a mere sign of life must not have it forgotten.
 */
export function giveSignOfLife(): void {
  const activity = asyncLocalStorage.getStore();
  if (!activity?.info.heartbeatTimeoutMs) return;
  const told = ATTEMPTS.get(activity)?.told;
  activity.heartbeat(
    told ? told.details : (activity.info as { heartbeatDetails?: unknown }).heartbeatDetails,
  );
}

/**
 * Whether the running attempt has done something that the next one finds done: its heartbeats tell more than those before it did, and it
 * lasted at least as long as the pause that would follow it. One that fails right away got nowhere, whatever it told.
 */
export function hasGotSomewhere(): boolean {
  const activity = asyncLocalStorage.getStore();
  const known = activity && ATTEMPTS.get(activity);
  if (!activity || known?.told?.details === undefined) return false;
  const { attempt, heartbeatDetails } = activity.info as { attempt: number; heartbeatDetails?: unknown };
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  const lastedMs = performance.now() - known.begun;
  return lastedMs >= pauseMs && JSON.stringify(known.told.details) !== JSON.stringify(heartbeatDetails);
}

type AnyActivity = (input: never) => Promise<unknown>;

/**
 * Remembers what each activity's heartbeats tell, so that every call of AWS can be a sign of life (src/aws/instrument.ts): a loop of
 * calls heartbeats from its first one on, whoever wrote it.
 */
export function withLiveness<T extends Record<string, AnyActivity>>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => rememberDuring(() => activity(input)),
  ]);
  return Object.fromEntries(wrapped) as T;
}

function rememberDuring(work: () => Promise<unknown>): Promise<unknown> {
  const context = asyncLocalStorage.getStore();
  if (!context) return work();
  const remembered = Object.create(context) as Context;
  const attempt: Attempt = { begun: performance.now() };
  const heartbeat = (details?: unknown) => {
    attempt.told = { details };
    context.heartbeat(details);
  };
  Object.assign(remembered, { heartbeat });
  ATTEMPTS.set(remembered, attempt);
  return asyncLocalStorage.run(remembered, work);
}
