import { condition, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  copyJobSchema,
  copyTitle,
  destinationOf,
  type CopyJob,
  type CopyRecoveryPointsResult,
} from '../model/copy';
import { listed } from '../model/list';
import { COPIES_DONE } from '../model/names';
import type { FailedItem } from '../model/outcome';
import { settle } from './support/failure';
import { operation } from './support/operation';
import { mutate, read } from './support/options';

export interface CopiesDone {
  copied: number;
  failed: FailedItem[];
  failedTotal: number;
}

export const copiesDone = defineSignal<[CopiesDone]>(COPIES_DONE);

/** A queue that somebody terminated is started again by the next reminder, and finds what is left to copy. */
const REMIND_EVERY = '1 hour';

/**
 * Copies what one slot of a policy made in one target to one region. The copying is done by the queue of that
 * region; this workflow stands for the job: it ends when all is copied, and fails when something is not.
 */
export async function copyRecoveryPoints(input: CopyJob): Promise<CopyRecoveryPointsResult> {
  let done: CopiesDone | undefined;
  setHandler(copiesDone, (told) => void (done = told));
  return operation(copyJobSchema, input, async (job, run) => {
    const destination = destinationOf(job);
    run.about({ policy: job.policyName, target: destination });
    run.remark(copyTitle(job));
    const { kmsKeyId } = job.terms;
    if (kmsKeyId) {
      run.phase('Checking the key');
      await read(`Check the key in ${destination.region}`).requireUsableKey({
        target: destination,
        kmsKeyId,
      });
    }
    run.phase('Copying');
    const jobId = workflowInfo().workflowId;
    do await mutate(`Queue for ${destination.region}`).enqueueCopies({ jobId, job });
    while (!(await condition(() => done !== undefined, REMIND_EVERY)));
    const { copied, failed, failedTotal } = done ?? { copied: 0, failed: [], failedTotal: 0 };
    const result = {
      policyName: job.policyName,
      slot: new Date(job.slotMs).toISOString(),
      from: job.target,
      toRegion: destination.region,
      copied,
      failed: listed(failed, failedTotal),
    };
    for (const { item, message } of failed) run.row(item, 'failed', message);
    run.row(destination.region, 'copied', `${copied} snapshots`);
    return settle(result, { what: 'copies', succeeded: copied, failed: failedTotal });
  });
}
