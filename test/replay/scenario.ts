import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { awaitResult } from '../support/awaitResult';
import type { MigrationWorld } from '../support/migration';

/** Plays one run to its end, however it ends, and names the executions whose histories are kept. */
export type Scenario = (migrations: MigrationWorld) => Promise<Record<string, WorkflowHandle>>;

/** Waits for the end; undone and cancelled runs end in a failure, and that is what is recorded. */
export async function ended(handle: WorkflowHandle): Promise<WorkflowHandle> {
  await awaitResult(handle).catch((error: unknown) => {
    if (!(error instanceof WorkflowFailedError)) throw error;
  });
  return handle;
}
