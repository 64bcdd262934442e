import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../model/failures';
import { budgeted } from './apiRates';
import { TokenBucket } from './tokenBucket';

/** One call, as the budget sees it. */
export interface BudgetedCall {
  service: string;
  action: string;
  accountId: string;
  region: string;
  input: object;
}

export interface Patience {
  /** Longest wait for a token, in milliseconds; the attempt must not end while its call still waits. */
  maxWaitMs: number;
  signal?: AbortSignal;
}

interface BudgetOptions {
  /** Part of AWS's rate to take: more than 0, at most 1. */
  share: number;
  now?: () => number;
  wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Keeps Holdfast's calls below AWS's rates: one token bucket per account, region and API. A process has one budget;
 * several workers divide HOLDFAST_API_SHARE among themselves.
 */
export class RateBudget {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly now: () => number;
  private readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;

  constructor(private readonly options: BudgetOptions) {
    this.now = options.now ?? Date.now;
    this.wait = options.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }));
  }

  /**
   * Returns when the call may be made, and how long it waited, in milliseconds.
   *
   * @throws ApplicationFailure Throttled, when the wait would be longer than the caller may wait: Temporal retries
   * when the token will be there, and the slot is free until then
   */
  async admit(call: BudgetedCall, { maxWaitMs, signal }: Patience): Promise<number> {
    const bucket = this.bucketOf(call);
    if (!bucket) return 0;
    const waitMs = bucket.waitMs();
    if (waitMs > maxWaitMs) throw tooBusy(call, waitMs);
    bucket.take();
    if (waitMs > 0) {
      try {
        await this.wait(waitMs, signal);
      } catch (error) {
        bucket.giveBack();
        throw error;
      }
    }
    return waitMs;
  }

  noteThrottle(call: BudgetedCall): void {
    this.bucketOf(call)?.noteThrottle();
  }

  private bucketOf(call: BudgetedCall): TokenBucket | undefined {
    const found = budgeted(call.service, call.action, call.input);
    if (!found) return undefined;
    const { share } = this.options;
    const key = `${call.accountId}/${call.region}/${found.bucket}`;
    let bucket = this.buckets.get(key);
    if (!bucket) {
      const { size, refillPerSecond } = found.rate;
      bucket = new TokenBucket({ size: size * share, refillPerSecond: refillPerSecond * share }, this.now);
      this.buckets.set(key, bucket);
    }
    return bucket;
  }
}

function tooBusy({ service, action, accountId, region }: BudgetedCall, waitMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAILURE.throttled,
    message: `${service}:${action} in ${accountId}/${region}: Holdfast's share of AWS's request rate is used up for ${Math.ceil(waitMs / 1000)} s; the call was not made and will be`,
    nextRetryDelay: waitMs,
  });
}
