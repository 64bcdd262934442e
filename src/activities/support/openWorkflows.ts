import { WorkflowNotFoundError, type Client, type WorkflowExecutionStatusName } from '@temporalio/client';
import { isOpenStatus } from '../../model/openStatus';
import { heartbeat } from './pace/heartbeat';
import type { ActivityDeps } from './deps';

/** Of the last run of a workflow id; undefined where Temporal knows none, or none any more. */
export async function readWorkflowStatus(
  temporal: Client,
  workflowId: string,
): Promise<WorkflowExecutionStatusName | undefined> {
  heartbeat();
  try {
    return (await temporal.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

export async function isOpenWorkflow(temporal: Client, workflowId: string): Promise<boolean> {
  const status = await readWorkflowStatus(temporal, workflowId);
  return status !== undefined && isOpenStatus(status);
}

export async function isOpen({ temporal }: ActivityDeps, workflowId: string): Promise<boolean> {
  return isOpenWorkflow(temporal, workflowId);
}
