import { asyncLocalStorage, log } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { changedFailure } from './applicationFailures';

/**
 * Attempts after which an error that nobody can judge is final: some seven minutes by RETRY in
 * src/workflows/support/options.ts. A machine that is down meanwhile is then put back well within `maxDowntime`.
 */
export const UNSURE_ATTEMPTS = 12;
/** Of them, those that this process saw fail so, one after the other: what the others failed for may have been anything. */
const SEEN_HERE = 3;
/** Attempts after which people are told, and again at twice as many. */
const TOLD_AFTER = 3;
/** Activities whose failures are remembered; an older one begins anew. */
const REMEMBERED = 10_000;

/**
 * Ends what would be tried again for ever although nobody knows whether it passes. An activity cannot count the attempts
 * that failed for one reason; its number of all attempts and this process's memory together bound them.
 */
export class UnsureFailures {
  private readonly seen = new Map<string, number>();

  /** The failure as it is to be thrown: with what happens next, and final when it was tried often enough. */
  judged(failure: ApplicationFailure): ApplicationFailure {
    const activity = asyncLocalStorage.getStore();
    if (!activity) return failure;
    const { attempt, scheduledTimestampMs } = activity.info;
    const key = keyOf(activity.info);
    const count = (this.seen.get(key) ?? 0) + 1;
    this.remember(key, count);
    if (attempt < UNSURE_ATTEMPTS || count < SEEN_HERE) {
      const more = `Whether that passes nobody can tell: it is tried again, and given up after ${UNSURE_ATTEMPTS} attempts; this was attempt ${attempt}`;
      return withWords(failure, more, false);
    }
    this.seen.delete(key);
    const since = new Date(scheduledTimestampMs).toISOString();
    const more = `It was tried ${attempt} times since ${since} and is given up, for nobody can tell whether it passes; run this again once its cause is gone`;
    return withWords(failure, more, true);
  }

  /** The activity has ended, or failed otherwise: its count begins anew. */
  forget(): void {
    const activity = asyncLocalStorage.getStore();
    if (activity && this.seen.size > 0) this.seen.delete(keyOf(activity.info));
  }

  private remember(key: string, count: number): void {
    this.seen.delete(key);
    const [oldest] = this.seen.keys();
    if (oldest !== undefined && this.seen.size >= REMEMBERED) this.seen.delete(oldest);
    this.seen.set(key, count);
  }
}

interface OfActivity {
  workflowExecution?: { runId: string };
  activityId: string;
}

function keyOf({ workflowExecution, activityId }: OfActivity): string {
  return `${workflowExecution?.runId ?? ''}|${activityId}`;
}

function withWords(failure: ApplicationFailure, more: string, nonRetryable: boolean): ApplicationFailure {
  return changedFailure(failure, { message: `${failure.message}. ${more}`, nonRetryable });
}

/**
 * What is waited for is told after a few tries. The Web UI shows a pending activity's last failure in any case; whoever
 * watches logs hears of it here, less and less often.
 */
export function tellOfWaiting(failure: ApplicationFailure): void {
  const activity = asyncLocalStorage.getStore();
  if (!activity || failure.nonRetryable) return;
  const { attempt } = activity.info;
  const times = attempt / TOLD_AFTER;
  if (Number.isInteger(Math.log2(times)) && times >= 1)
    log.warn('still tried again', { attempt, type: failure.type, reason: failure.message });
}
