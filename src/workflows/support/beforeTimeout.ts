import { CancellationScope, patched, sleep, workflowInfo } from '@temporalio/workflow';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { fail } from './failure';

/** Left for what a run says at its end, and for people whose receivers are away. */
const LONGEST_END_MS = 3_600_000;
const PART_FOR_END = 4;

/**
 * A workflow that the server ends at its timeout runs no code: it tells nobody, and leaves no result. So a run with a timeout ends by itself
 * a while before it.
 *
 * @param body gets a promise that fails then, with type `Timeout`, to race with what it waits for
 */
export async function endBeforeTimeout<Result>(
  body: (ends: Promise<never> | undefined) => Promise<Result>,
): Promise<Result> {
  const { executionTimeoutMs, startTime } = workflowInfo();
  if (!executionTimeoutMs || !patched('settles-before-its-timeout')) return body(undefined);
  const endMs = Math.min(LONGEST_END_MS, executionTimeoutMs / PART_FOR_END);
  const leftMs = startTime.getTime() + executionTimeoutMs - endMs - Date.now();
  const watch = new CancellationScope();
  const ends = watch
    .run(() => sleep(Math.max(1, leftMs), { summary: 'Until it has to end by itself' }))
    .then(() => {
      throw fail(
        FAILURE.timeout,
        `it was not over after ${formatDuration(executionTimeoutMs - endMs)}; the run ends by itself, before the server ends it at its timeout without a word. What was begun goes on`,
      );
    });
  // Nobody races with it any more once the body has ended.
  ends.catch(() => undefined);
  try {
    return await body(ends);
  } finally {
    watch.cancel();
  }
}
