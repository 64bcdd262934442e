import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';

const kept = new AsyncLocalStorage<() => unknown>();

/** Says that the activity lives. What the last heartbeat told is all that the next attempt hears of this one. */
export function heartbeat(): void {
  Context.current().heartbeat(kept.getStore()?.());
}

/** Within, every heartbeat tells this, whichever helper sends it: one without it would have it forgotten. */
export function heartbeatingWith<Result>(
  details: () => unknown,
  run: () => Promise<Result>,
): Promise<Result> {
  return kept.run(details, run);
}
