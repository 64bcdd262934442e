import { WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { awaitResult } from '../support/awaitResult';
import { MESSAGE } from '../support/migration';
import { phaseOf } from '../support/phase';
import { tell } from './lane';
import type { Path } from './paths';

/** Looking costs the server as much as some of a migration's own steps. */
const LOOK_EVERY_MS = 1_000;
/** A verdict that is under way needs no other. */
const TELL_AGAIN_EVERY_LOOKS = 10;

/**
 * Waits until a run has ended, however it ends. Where it waits for a person, a person tells it to go on, and a verdict
 * that it asks for again is given again: by then the fault is over.
 *
 * @returns why it has not ended in time
 */
export async function followed(
  client: Client,
  { workflowId }: WorkflowHandle,
  path: Path,
  patienceMs: number,
): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowId);
  let ended = end(handle);
  const until = Date.now() + patienceMs;
  for (let looks = 1; Date.now() < until; looks++) {
    const news = await Promise.race([ended, sleep(LOOK_EVERY_MS).then(() => 'still running' as const)]);
    if (news === 'ended') return undefined;
    // A server that is away is asked again.
    if (news === 'no answer') {
      await sleep(LOOK_EVERY_MS);
      ended = end(handle);
    } else await helped(handle, looks % TELL_AGAIN_EVERY_LOOKS === 0 ? path : undefined);
  }
  return awaitResult(handle, 1_000).then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

async function helped(handle: WorkflowHandle, path?: Path): Promise<void> {
  const phase = await phaseOf(handle).catch(() => undefined);
  if (phase === 'Needs a person') await handle.signal('resume', MESSAGE).catch(() => undefined);
  if (path && phase === 'Soaking') await tell(handle, path).catch(() => undefined);
}

function end(handle: WorkflowHandle): Promise<'ended' | 'no answer'> {
  return handle.result().then(
    () => 'ended',
    (error: unknown) => (error instanceof WorkflowFailedError ? 'ended' : 'no answer'),
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
