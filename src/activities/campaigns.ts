import { WorkflowNotFoundError } from '@temporalio/client';
import { isOpenStatus } from '../model/openness';
import type { ActivityDeps } from './deps';

export interface ClosedWorkflow {
  workflowId: string;
  status: string;
}

export function campaignActivities(deps: ActivityDeps) {
  return {
    /** Those of the workflows that have ended: a terminated child announces nothing. */
    async closedWorkflows({ workflowIds }: { workflowIds: string[] }): Promise<ClosedWorkflow[]> {
      const closed: ClosedWorkflow[] = [];
      for (const workflowId of workflowIds) {
        const status = await statusOf(deps, workflowId);
        if (!isOpenStatus(status)) closed.push({ workflowId, status });
      }
      return closed;
    },
  };
}

export async function isOpen(deps: ActivityDeps, workflowId: string): Promise<boolean> {
  return isOpenStatus(await statusOf(deps, workflowId));
}

async function statusOf({ temporal }: ActivityDeps, workflowId: string): Promise<string> {
  try {
    return (await temporal.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return 'NOT_FOUND';
  }
}
