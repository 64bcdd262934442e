import type { Client } from '@temporalio/client';
import { conflict } from '../../aws/applicationFailures';
import { HOLD_MEMO, readHold, type Hold, type UnknownHold } from '../../model/retention/hold';
import { TASK_QUEUE } from '../../model/names';
import { heartbeat } from '../support/pace/heartbeat';

/** Open ones, whatever state they are open in: paused workflows hold too, and have no end. */
const OPEN_HOLDS = "WorkflowType = 'setLegalHold' AND CloseTime IS NULL";
/** A worker takes seconds until a hold says what it holds; after so long nobody is about to. */
const OPENING_MS = 3_600_000;

export interface OpenHolds {
  holds: Hold[];
  /** Workflow ids of holds that were opened a moment ago and do not say yet what they hold. */
  unknown: string[];
  /** Those that have been open for long without saying it. */
  silent: string[];
  /** Those that are on another task queue than Holdfast's, and say nothing: who started them believes that they hold. */
  astray: { workflowId: string; taskQueue: string }[];
}

/**
 * The legal holds that are open now, by what their workflows say of themselves. One that was started on another task queue holds
 * nothing before it says what: no worker of Holdfast will ever carry it out.
 *
 * @param now milliseconds since the epoch
 */
export async function readOpenHolds(temporal: Client, now: number): Promise<OpenHolds> {
  const open: OpenHolds = { holds: [], unknown: [], silent: [], astray: [] };
  for await (const { memo, workflowId, taskQueue, startTime } of temporal.workflow.list({
    query: OPEN_HOLDS,
  })) {
    heartbeat();
    const hold = readHold(memo?.[HOLD_MEMO]);
    if (hold) open.holds.push(hold);
    else if (taskQueue !== TASK_QUEUE) open.astray.push({ workflowId, taskQueue });
    else if (now - startTime.getTime() <= OPENING_MS) open.unknown.push(workflowId);
    else open.silent.push(workflowId);
  }
  return open;
}

/**
 * What must not be deleted because of legal holds, for whoever is about to.
 *
 * @throws ApplicationFailure Conflict, non-retryable, where a hold does not say what it holds and will not: it may be anything, and
 *   somebody has to hear of it
 */
export async function requireReadableHolds(
  temporal: Client,
  now: number,
): Promise<Omit<OpenHolds, 'silent'>> {
  const { silent, ...open } = await readOpenHolds(temporal, now);
  if (silent.length === 0) return open;
  throw conflict(
    `workflow ${silent.join(', ')} (setLegalHold) has been open for more than an hour and does not say what it holds, so that no recovery point may go: see in the Web UI why it does not go on, or terminate it where no hold is meant`,
  );
}

/** For people: what is open, and does not say what it holds. */
export function notKnown({ unknown, astray }: Pick<OpenHolds, 'unknown' | 'astray'>): UnknownHold[] {
  return [
    ...unknown.map((workflowId) => ({
      workflowId,
      reason:
        'it was opened a moment ago and does not say yet what it holds: nothing goes that is due, until it does',
    })),
    ...astray.map(({ workflowId, taskQueue }) => ({
      workflowId,
      reason: `it was started on the task queue ${taskQueue}, where no worker of Holdfast is: it holds nothing; terminate it, and start it on ${TASK_QUEUE}`,
    })),
  ];
}
