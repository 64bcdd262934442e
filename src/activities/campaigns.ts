import { WorkflowNotFoundError } from '@temporalio/client';
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
        if (status !== RUNNING) closed.push({ workflowId, status });
      }
      return closed;
    },
  };
}

const RUNNING = 'RUNNING';

export async function isOpen(deps: ActivityDeps, workflowId: string): Promise<boolean> {
  return (await statusOf(deps, workflowId)) === RUNNING;
}

async function statusOf({ temporal }: ActivityDeps, workflowId: string): Promise<string> {
  try {
    return (await temporal.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return 'NOT_FOUND';
  }
}
