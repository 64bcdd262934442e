import { COPIES_AT_ONCE, type CopyJob } from './copy';
import type { FailedItem } from '../outcome';
import type { Target } from '../target';

/** A snapshot that has no copy yet. */
export interface CopyItem {
  snapshotId: string;
  /** Copies of it that ended in error so far. */
  errors: number;
}

/** A copy that EBS is making. */
export interface CopyUnderWay extends CopyItem {
  jobId: string;
  copyId: string;
}

/** A job in the queue of its destination. What was found to be copied is not carried from run to run: it is found again. */
export interface QueuedJob {
  /** Workflow id of the `copyRecoveryPoints` that waits for it. */
  jobId: string;
  job: CopyJob;
  copied: number;
  /** The first of those that were given up. */
  failed: FailedItem[];
  failedTotal: number;
  /** All of them: they are not to be found again. */
  givenUp: string[];
}

export interface CopyQueueInput {
  target: Target;
  /** What an earlier run of the chain (continue as new) had. */
  jobs?: QueuedJob[];
  underWay?: CopyUnderWay[];
  /** Jobs that are done, and what they copied. */
  ended?: { jobs: number; copied: number };
}

/** What still waits, by job, in the order in which it was found. */
export type WaitingItems = ReadonlyMap<string, readonly CopyItem[]>;

/**
 * What to start next in the free slots: policies with the shortest RPO first, and among equals one item of each job in
 * turn, so that a big job holds up nobody. What is made up for comes after all that is due.
 */
export function nextItems(
  jobs: readonly QueuedJob[],
  waiting: WaitingItems,
  underWay: number,
): { jobId: string; items: CopyItem[] }[] {
  let free = Math.max(0, COPIES_AT_ONCE - underWay);
  const taken = new Map<string, CopyItem[]>();
  for (const urgency of [...new Set(jobs.map(urgencyOf))].sort((a, b) => a - b)) {
    const tier = jobs.filter((queued) => urgencyOf(queued) === urgency).map(({ jobId }) => jobId);
    for (let round = 0; free > 0; round++) {
      const turn = tier.filter((jobId) => round < (waiting.get(jobId)?.length ?? 0));
      if (turn.length === 0) break;
      for (const jobId of turn.slice(0, free)) {
        const item = waiting.get(jobId)?.[round];
        if (item) taken.set(jobId, [...(taken.get(jobId) ?? []), item]);
        free -= 1;
      }
    }
  }
  return [...taken].map(([jobId, items]) => ({ jobId, items }));
}

/** The smaller, the sooner. */
function urgencyOf({ job: { rpoMs, isMadeUp } }: QueuedJob): number {
  return isMadeUp ? Infinity : rpoMs;
}
