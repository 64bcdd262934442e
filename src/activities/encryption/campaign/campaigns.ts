import { isOpenStatus } from '../../../model/openStatus';
import type { ActivityDeps } from '../../support/deps';
import { readWorkflowStatus } from '../../support/openWorkflows';

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
        const status = await readWorkflowStatus(temporal, workflowId);
        if (!status || !isOpenStatus(status)) closed.push({ workflowId, status: status ?? 'NOT_FOUND' });
      }
      return closed;
    },
  };
}
