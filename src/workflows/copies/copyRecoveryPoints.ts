import {
  condition,
  defineSignal,
  isCancellation,
  ParentClosePolicy,
  patched,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import {
  copyJobSchema,
  copyTitle,
  destinationOf,
  type CopyJob,
  type CopyRecoveryPointsResult,
  COMPLETION_ALLOWANCE_MS,
} from '../../model/copies/copy';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { workflowIds, copyPlace } from '../../model/ids';
import { listed } from '../../model/list';
import { COPIES_DONE } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { reasonOf, rootCause, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { batch, mutate, read, undo as undoing, verify } from '../support/options';
import { UndoStack, type UndoReport } from '../support/undo';
import { showUndone } from '../support/undone';
import { vaultGrantName } from '../../model/copies/vault';

export interface CopiesDone {
  copied: number;
  failed: FailedItem[];
  failedTotal: number;
}

export const copiesDone = defineSignal<[CopiesDone]>(COPIES_DONE);

/** A queue that somebody terminated is started again by the next reminder, and finds what is left to copy. */
const REMIND_EVERY = '1 hour';
/** A report on the past; the present is more urgent. */
const LOOK_BACK = { scheduleToCloseTimeout: '2 minutes' } as const;

/**
 * Copies what one slot of a policy made in one target to one region. The copying is done by the queue of that
 * region; this workflow stands for the job: it ends when all is copied, and fails when something is not.
 */
export async function copyRecoveryPoints(input: CopyJob): Promise<CopyRecoveryPointsResult> {
  let done: CopiesDone | undefined;
  setHandler(copiesDone, (told) => void (done = told));
  return runOperation(copyJobSchema, input, async (job, run) => {
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
    const undo = new UndoStack();
    let closed: UndoReport | undefined;
    try {
      if (job.terms.toAccount !== undefined) await openVault(job, job.terms.toAccount, run, undo);
      run.phase('Copying');
      const jobId = workflowInfo().workflowId;
      do await mutate(`Queue for ${copyPlace(job.terms)}`).enqueueCopies({ jobId, job });
      while (!(await condition(() => done !== undefined, REMIND_EVERY)));
    } finally {
      // A vault has its own copies then, and needs nothing of this account any more.
      closed = await undo.unwind();
      showUndone(run, closed);
    }
    const { copied, failed: notCopied, failedTotal } = done ?? { copied: 0, failed: [], failedTotal: 0 };
    // What fails now would fail for them too.
    const isWorking = copied > 0 || failedTotal === 0;
    const madeUpFor = isWorking && !job.isMadeUp ? await makeUp(job, run) : [];
    const more = [...closed.failed, ...tooLate(job, copied)];
    const failed = [...more, ...notCopied];
    const result = {
      policyName: job.policyName,
      slot: new Date(job.slotMs).toISOString(),
      from: job.target,
      ...(job.terms.toAccount !== undefined && { toAccount: job.terms.toAccount }),
      toRegion: destination.region,
      copied,
      failed: listed(failed, more.length + failedTotal),
      ...(madeUpFor.length > 0 && { madeUpFor }),
    };
    for (const { item, message } of failed) run.row(item, 'failed', message);
    run.row(copyPlace(job.terms), 'copied', `${copied} snapshots`);
    return settle(result, { what: 'copies', succeeded: copied, failed: result.failed.total });
  });
}

/** Copies that earlier slots still lack, because a key was off or a run was ended: this job's are there, so theirs can be made. */
async function makeUp(job: CopyJob, run: Run): Promise<string[]> {
  if (!patched('missed-copies-are-made-up')) return [];
  try {
    const slots = await read('Look for copies that slots before lack', LOOK_BACK).missedCopies({ job });
    const jobs = slots.map((slotMs) => ofSlot(job, slotMs));
    const started = await Promise.all(jobs.map(startCopyJob));
    // Where a slot's own job runs already, nothing is to be done.
    const begun = jobs.filter((_, at) => started[at]).map(({ slotMs }) => new Date(slotMs).toISOString());
    for (const slot of begun) run.row(slot, 'made up for', 'its missing copies are being made');
    return begun;
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.remark(`Whether slots before lack copies could not be found out: ${reasonOf(error)}`);
    return [];
  }
}

/** No deadline, which costs: it has passed. */
function ofSlot({ terms, ...job }: CopyJob, slotMs: number): CopyJob {
  return { ...job, slotMs, terms: { ...terms, withinMinutes: undefined, dueMs: undefined }, isMadeUp: true };
}

/** A job outlives whoever starts it. False where that slot's runs already. */
export async function startCopyJob(job: CopyJob): Promise<boolean> {
  try {
    await startChild(copyRecoveryPoints, {
      workflowId: workflowIds.copies(job),
      args: [job],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${copyTitle(job)}${job.isMadeUp ? ', made up for' : ''}`,
    });
    return true;
  } catch (error) {
    if (rootCause(error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
    return false;
  }
}

/** What the vault needs to copy from here: the keys. Each snapshot is shared with it just before its copy begins. */
async function openVault(job: CopyJob, partner: string, run: Run, undo: UndoStack): Promise<void> {
  run.phase('Opening the way into the vault');
  undo.register(`snapshots for ${partner}`, () =>
    batch(`Take the snapshots back from ${partner}`).unshareSlot({ job, partner }),
  );
  const kmsKeyIds = await batch('Find the keys of the snapshots').keysOfSlot({ job });
  if (kmsKeyIds.length === 0) return;
  const grant = { target: job.target, kmsKeyIds, partner, name: vaultGrantName(workflowInfo().workflowId) };
  undo.register(`keys for ${partner}`, () =>
    undoing(`Take ${kmsKeyIds.length} keys back from ${partner}`).revokeKeyUse(grant),
  );
  await mutate(`Let ${partner} use the keys`).grantKeyUse(grant);
  await verify(`Until ${partner} can use the keys`).verifyVaultKeys({ job, kmsKeyIds });
}

/** Copies that are all there, and later than the policy allows. A run that began late starts the clock late. */
function tooLate({ slotMs, terms, isMadeUp }: CopyJob, copied: number): FailedItem[] {
  if (isMadeUp || terms.dueMs === undefined || copied === 0) return [];
  const begun = Math.max(slotMs, workflowInfo().startTime.getTime() - COMPLETION_ALLOWANCE_MS);
  const lateMs = Date.now() - begun - terms.dueMs;
  if (lateMs <= 0) return [];
  const message = `the copies are there, but ${formatDuration(lateMs)} later than their rpo allows`;
  return [{ item: copyPlace(terms), type: FAILURE.rpoExceeded, message }];
}
