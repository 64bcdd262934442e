import type { Client, WorkflowHandle } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../src/model/names';
import { awaitResult } from '../support/awaitResult';
import { MESSAGE } from '../support/migration';

const LOOK_EVERY_MS = 100;

/**
 * Waits until a run has ended, however it ends. Where it waits for a person, a person tells it to go on: by then the
 * fault is over.
 *
 * @returns why it has not ended in time
 */
export async function followed(
  client: Client,
  { workflowId }: WorkflowHandle,
  patienceMs: number,
): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowId);
  for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
    // A server that is away is asked again.
    const now = await handle.describe().catch(() => undefined);
    if (now && now.status.name !== 'RUNNING') return undefined;
    if (now?.typedSearchAttributes.get(SEARCH_ATTRIBUTES.phase) === 'Needs a person')
      await handle.signal('resume', MESSAGE).catch(() => undefined);
  }
  return awaitResult(handle, 1_000).then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
