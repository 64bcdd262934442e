import {
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { copyTitle, type CopyJob } from '../model/copy';
import type { CopyQueueInput, QueuedJob } from '../model/copyQueue';
import { ENQUEUE_COPIES } from '../model/names';
import { CopyDesk } from './copies/copyDesk';
import { copiesDone } from './copyRecoveryPoints';
import { Run } from './support/operation';

const enqueue = defineSignal<[{ jobId: string; job: CopyJob }]>(ENQUEUE_COPIES);

/**
 * All copies into one account and region: at most twenty at once, the policies with the shortest RPO first, each job
 * in its turn. Jobs are what is to be done; what is left of them is found from the snapshots themselves, so that a
 * queue that was lost loses nothing. It ends when no job is left.
 *
 * It has no frame of an operation: that ends with activities, and a job that came meanwhile would be forgotten.
 */
export async function copyQueue({ target, jobs = [], underWay = [] }: CopyQueueInput): Promise<void> {
  const desk = new CopyDesk(target, jobs, underWay);
  setHandler(enqueue, (job) => desk.add({ ...job, copied: 0, failed: [], failedTotal: 0 }));
  const run = new Run();
  run.about({ target });
  run.phase('Copying');
  do {
    await desk.fill();
    await desk.awaitSome();
    for (const done of desk.finished()) {
      run.row(copyTitle(done.job), done.failedTotal > 0 ? 'failed' : 'copied', `${done.copied} snapshots`);
      await tell(done);
    }
    for (const { job, copied } of desk.jobs) run.row(copyTitle(job), 'copying', `${copied} snapshots`);
    if (workflowInfo().continueAsNewSuggested && desk.jobs.length > 0)
      await continueAsNew<typeof copyQueue>({ target, ...desk.carried() });
  } while (desk.jobs.length > 0);
  run.end('Succeeded');
}

/** A job whose workflow was terminated has nobody left to tell. */
async function tell({ jobId, copied, failed, failedTotal }: QueuedJob): Promise<void> {
  try {
    await getExternalWorkflowHandle(jobId).signal(copiesDone, { copied, failed, failedTotal });
  } catch (error) {
    log.warn('nobody waits for these copies any more', { jobId, error });
  }
}
