import { condition, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  copyJobSchema,
  copyPlace,
  copyTitle,
  destinationOf,
  type CopyJob,
  type CopyRecoveryPointsResult,
} from '../model/copy';
import { formatDuration } from '../model/duration';
import { FAILURE } from '../model/failures';
import { listed } from '../model/list';
import { COPIES_DONE } from '../model/names';
import type { FailedItem } from '../model/outcome';
import { COMPLETION_ALLOWANCE_MS } from '../model/policy';
import { vaultGrantName } from '../model/sharing';
import { settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { batch, mutate, read, undo as undoing, verify } from './support/options';
import { UndoStack, type UndoReport } from './support/undo';
import { showUndone } from './support/undone';

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
    };
    for (const { item, message } of failed) run.row(item, 'failed', message);
    run.row(copyPlace(job.terms), 'copied', `${copied} snapshots`);
    return settle(result, { what: 'copies', succeeded: copied, failed: result.failed.total });
  });
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
function tooLate({ slotMs, terms }: CopyJob, copied: number): FailedItem[] {
  if (terms.dueMs === undefined || copied === 0) return [];
  const begun = Math.max(slotMs, workflowInfo().startTime.getTime() - COMPLETION_ALLOWANCE_MS);
  const lateMs = Date.now() - begun - terms.dueMs;
  if (lateMs <= 0) return [];
  const message = `the copies are there, but ${formatDuration(lateMs)} later than their rpo allows`;
  return [{ item: copyPlace(terms), type: FAILURE.rpoExceeded, message }];
}
