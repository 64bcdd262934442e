import { WorkflowNotFoundError } from '@temporalio/client';
import type { ActivityDeps } from './deps';

export interface ClosedWorkflow {
  workflowId: string;
  status: string;
}

export function campaignActivities({ temporal }: ActivityDeps) {
  return {
    /** Those of the workflows that have ended: a terminated child announces nothing. */
    async closedWorkflows({ workflowIds }: { workflowIds: string[] }): Promise<ClosedWorkflow[]> {
      const closed: ClosedWorkflow[] = [];
      for (const workflowId of workflowIds) {
        try {
          const { status } = await temporal.workflow.getHandle(workflowId).describe();
          if (status.name !== 'RUNNING') closed.push({ workflowId, status: status.name });
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
          closed.push({ workflowId, status: 'NOT_FOUND' });
        }
      }
      return closed;
    },
  };
}
