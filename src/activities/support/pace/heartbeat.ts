import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';
import { giveSignOfLife } from '../../../aws/liveness';

const kept = new AsyncLocalStorage<() => unknown>();

/** Says that the activity lives. What the last heartbeat told is all that the next attempt hears of this one. */
export function heartbeat(): void {
  const details = kept.getStore();
  if (details) Context.current().heartbeat(details());
  else giveSignOfLife();
}

/** Within, every heartbeat tells this, whichever helper sends it: one without it would have it forgotten. */
export function withHeartbeatDetails<Result>(
  details: () => unknown,
  run: () => Promise<Result>,
): Promise<Result> {
  return kept.run(details, run);
}
