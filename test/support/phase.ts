import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../src/model/names';
import { until } from './until';

/**
 * Waits until a run, which need not have started yet, says that it is in this phase. The server is asked and not the
 * run: a query may tell of a workflow task that the server never hears of, because its worker is killed.
 */
export async function inPhase(handle: WorkflowHandle, name: string): Promise<void> {
  await until(async () => (await phaseOf(handle).catch(notFoundYet)) === name);
}

export async function phaseOf(handle: WorkflowHandle): Promise<string | undefined> {
  return (await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.phase);
}

function notFoundYet(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
