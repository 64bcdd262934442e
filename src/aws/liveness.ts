import { asyncLocalStorage, type Context } from '@temporalio/activity';

/** What the activity's heartbeats told last, in this attempt. */
const TOLD = new WeakMap<Context, { details: unknown }>();

/**
 * Says that the running activity lives, where anybody waits for that. It tells again what was told last, in this attempt or in the one
 * before it: what the last heartbeat told is all that the next attempt hears, and a mere sign of life must not have it forgotten.
 */
export function signOfLife(): void {
  const activity = asyncLocalStorage.getStore();
  if (!activity?.info.heartbeatTimeoutMs) return;
  const told = TOLD.get(activity);
  activity.heartbeat(
    told ? told.details : (activity.info as { heartbeatDetails?: unknown }).heartbeatDetails,
  );
}

type AnyActivity = (input: never) => Promise<unknown>;

/**
 * Remembers what each activity's heartbeats tell, so that every call of AWS can be a sign of life (src/aws/instrument.ts): a loop of
 * calls heartbeats from its first one on, whoever wrote it.
 */
export function withLiveness<T extends Record<string, AnyActivity>>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => remembering(() => activity(input)),
  ]);
  return Object.fromEntries(wrapped) as T;
}

function remembering(work: () => Promise<unknown>): Promise<unknown> {
  const context = asyncLocalStorage.getStore();
  if (!context) return work();
  const remembered = Object.create(context) as Context;
  const heartbeat = (details?: unknown) => {
    TOLD.set(remembered, { details });
    context.heartbeat(details);
  };
  Object.assign(remembered, { heartbeat });
  return asyncLocalStorage.run(remembered, work);
}
