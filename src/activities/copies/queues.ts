import { WorkflowIdConflictPolicy } from '@temporalio/client';
import { destinationOf, type CopyJob } from '../../model/copies/copy';
import { workflowIds } from '../../model/ids';
import { ENQUEUE_COPIES, STARTED_BY_MEMO, TASK_QUEUE } from '../../model/names';
import { targetKey } from '../../model/target';
import type { ActivityDeps } from '../support/deps';

export function copyQueueActivities({ temporal }: ActivityDeps) {
  return {
    /** Puts a job into its destination's queue, which starts if it does not run. A job that is in it already stays as it is. */
    async enqueueCopies({ jobId, job }: { jobId: string; job: CopyJob }): Promise<void> {
      const destination = destinationOf(job);
      await temporal.workflow.signalWithStart('copyQueue', {
        workflowId: workflowIds.copyQueue(destination),
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        taskQueue: TASK_QUEUE,
        memo: { [STARTED_BY_MEMO]: 'worker' },
        args: [{ target: destination }],
        signal: ENQUEUE_COPIES,
        signalArgs: [{ jobId, job }],
        staticSummary: `Copies to ${targetKey(destination)}`,
      });
    },
  };
}
