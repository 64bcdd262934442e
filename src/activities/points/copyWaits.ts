import type { Snapshot } from '@aws-sdk/client-ec2';
import { heartbeat } from '../support/pace/heartbeat';
import { now, sleep } from '../support/pace/waits';

export interface FinishedCopies {
  completed: string[];
  failed: { copyId: string; why: string }[];
}

/** Heartbeats as often as it would look without a pace. */
export async function sleepUntil(time: number, pollMs: number): Promise<void> {
  for (let left = time - now(); left > 0; left = time - now()) {
    heartbeat();
    await sleep(Math.min(left, pollMs));
  }
}

/** Those that are complete, in error, or not shown any more. */
export function overOf(
  copyIds: readonly string[],
  found: ReadonlyMap<string, Snapshot>,
  seenAt: Map<string, number>,
  goneAfterMs: number,
): FinishedCopies {
  const result: FinishedCopies = { completed: [], failed: [] };
  for (const copyId of copyIds) {
    const copy = found.get(copyId);
    if (copy) seenAt.set(copyId, now());
    if (copy?.State === 'completed') result.completed.push(copyId);
    if (copy?.State === 'error')
      result.failed.push({ copyId, why: copy.StateMessage ?? 'EC2 gave no reason' });
    if (!copy && now() - (seenAt.get(copyId) ?? 0) > goneAfterMs)
      result.failed.push({ copyId, why: 'it is gone; somebody deleted it' });
  }
  return result;
}
