import { workflowInfo } from '@temporalio/workflow';
import type { Maker } from '../../model/maker';

/** This run, as the tags of what it makes name it. */
export function makerOf({ requestedBy, ticket }: { requestedBy?: string; ticket?: string }): Maker {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return { workflowId, runId: firstExecutionRunId, requestedBy, ticket };
}
