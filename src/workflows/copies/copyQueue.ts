import {
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { copyTitle, type CopyJob } from '../../model/copies/copy';
import type { CopyQueueInput, QueuedJob } from '../../model/copies/copyQueue';
import { ENQUEUE_COPIES } from '../../model/names';
import { CopyDesk } from './copyDesk';
import { copiesDone } from './copyRecoveryPoints';
import { Run } from '../support/operation';

const enqueue = defineSignal<[{ jobId: string; job: CopyJob }]>(ENQUEUE_COPIES);

/**
 * All copies into one account and region: at most twenty at once, the policies with the shortest RPO first, each job
 * in its turn. Jobs are what is to be done; what is left of them is found from the snapshots themselves, so that a
 * queue that was lost loses nothing. It ends when no job is left.
 *
 * It has no frame of an operation: that ends with activities, and a job that came meanwhile would be forgotten.
 */
export async function copyQueue(input: CopyQueueInput): Promise<{ jobs: number; copied: number }> {
  const { target, jobs = [], underWay = [], ended = { jobs: 0, copied: 0 } } = input;
  const desk = new CopyDesk(target, jobs, underWay);
  const run = new Run();
  setHandler(enqueue, (job) => {
    desk.add({ ...job, copied: 0, failed: [], failedTotal: 0, givenUp: [] });
    run.row(copyTitle(job.job), 'waiting');
  });
  run.about({ target });
  run.phase('Copying');
  do {
    await desk.fill();
    for (const queued of desk.jobs) run.row(copyTitle(queued.job), 'copying', desk.progress(queued));
    await desk.awaitSome();
    for (const done of desk.finished()) {
      ended.jobs += 1;
      ended.copied += done.copied;
      run.row(copyTitle(done.job), done.failedTotal > 0 ? 'failed' : 'copied', `${done.copied} snapshots`);
      await tell(done);
    }
    if (workflowInfo().continueAsNewSuggested && desk.jobs.length > 0)
      await continueAsNew<typeof copyQueue>({ target, ...desk.carried(), ended });
  } while (desk.jobs.length > 0);
  run.end('Succeeded');
  return ended;
}

/** A job whose workflow was terminated has nobody left to tell. */
async function tell({ jobId, copied, failed, failedTotal }: QueuedJob): Promise<void> {
  try {
    await getExternalWorkflowHandle(jobId).signal(copiesDone, { copied, failed, failedTotal });
  } catch (error) {
    log.warn('nobody waits for these copies any more', { jobId, error });
  }
}
