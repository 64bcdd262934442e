import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleOverlapPolicy, type Client, type ScheduleDescription } from '@temporalio/client';
import { formatDuration } from '../model/duration';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { isOpenStatus } from '../model/openStatus';
import { policyNameSchema } from '../model/policyName';

/** A Schedule takes a moment until its run is there; a server that is busy takes some. */
const APPEARS_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 200;
/** Runs by hand that are looked at, the newest first: those that are open, then by when they ended. */
const RUNS_BY_HAND = 20;

/** A run that somebody asked for and the Schedule started. */
export interface TriggeredRun {
  workflowId: string;
  /** ISO 8601 in UTC. */
  slot: string;
}

/** The Schedule has started no run. */
export class NotTriggered extends Error {
  override readonly name = 'NotTriggered';
}

type Schedule = ReturnType<Client['schedule']['getHandle']>;

/**
 * Has the Schedule start a run, and waits until it has: the server takes the request in any case, and starts none where one of the same second is
 * there, because runs are named by their second.
 *
 * @throws NotTriggered
 */
export async function trigger(schedule: Schedule, policyName: string): Promise<TriggeredRun> {
  const before = await schedule.describe();
  const known = new Set(before.info.recentActions.map(runIdOf));
  // A slot that is due at this moment is no answer.
  const due = new Set(before.info.nextActionTimes.map((at) => at.getTime()));
  await schedule.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
  for (const ends = Date.now() + APPEARS_WITHIN_MS; ; await sleep(LOOK_EVERY_MS)) {
    const { info } = await schedule.describe();
    const begun = info.recentActions.find(
      (action) => !known.has(runIdOf(action)) && !due.has(action.scheduledAt.getTime()),
    );
    if (begun) return { workflowId: begun.action.workflow.workflowId, slot: begun.scheduledAt.toISOString() };
    if (Date.now() > ends) throw new NotTriggered(whyNone(policyName, info));
  }
}

function whyNone(policyName: string, { recentActions }: ScheduleDescription['info']): string {
  const [newest] = newestFirst(recentActions);
  const last = newest ? `; the last one is ${newest.action.workflow.workflowId}` : '';
  return `the Schedule of policy ${policyName} took the request and has started no run within ${formatDuration(APPEARS_WITHIN_MS)}${last}. It starts one a second at most: try again, and look at Temporal's server where that does not help`;
}

type Action = ScheduleDescription['info']['recentActions'][number];

function runIdOf({ action }: Action): string {
  return action.workflow.firstExecutionRunId;
}

function newestFirst(actions: readonly Action[]): Action[] {
  return [...actions].sort((a, b) => b.scheduledAt.getTime() - a.scheduledAt.getTime());
}

export interface LastRun {
  lateMs: number;
  outcome: string;
  told: { workflowId: string; slot: string; lateBy: string; outcome: string };
}

interface Begun {
  workflowId: string;
  runId: string;
  slotMs: number;
  lateMs: number;
}

/**
 * The run of the newest slot, started by the Schedule or by hand, and how it ended: what was backfilled later is of an older slot, and is no
 * late run.
 */
export async function findLastRun(
  temporal: Client,
  policyName: string,
  { info }: ScheduleDescription,
): Promise<LastRun | undefined> {
  const [scheduled] = newestFirst(info.recentActions).map((action): Begun => ({
    workflowId: action.action.workflow.workflowId,
    runId: runIdOf(action),
    slotMs: action.scheduledAt.getTime(),
    lateMs: action.takenAt.getTime() - action.scheduledAt.getTime(),
  }));
  const byHand = await findLastByHand(temporal, policyName);
  const newest = byHand && byHand.slotMs > (scheduled?.slotMs ?? 0) ? byHand : scheduled;
  if (!newest) return undefined;
  const { workflowId, runId, slotMs, lateMs } = newest;
  const outcome = await readOutcome(temporal, workflowId, runId);
  const slot = new Date(slotMs).toISOString();
  return { lateMs, outcome, told: { workflowId, slot, lateBy: formatDuration(lateMs), outcome } };
}

/** The Schedule knows nothing of what it has not started itself: `runBackup` with the policy's name as its input. */
async function findLastByHand(temporal: Client, policyName: string): Promise<Begun | undefined> {
  // What is no name of a policy has no runs, and is nothing to write into a query.
  if (!policyNameSchema.safeParse(policyName).success) return undefined;
  const query = `WorkflowType = 'runBackup' AND ${SEARCH_ATTRIBUTES.policy.name} = '${policyName}' AND TemporalScheduledById IS NULL`;
  let newest: Begun | undefined;
  let seen = 0;
  for await (const run of temporal.workflow.list({ query, pageSize: RUNS_BY_HAND })) {
    const slotMs = run.startTime.getTime();
    if (slotMs > (newest?.slotMs ?? 0))
      newest = { workflowId: run.workflowId, runId: run.runId, slotMs, lateMs: 0 };
    seen += 1;
    if (seen === RUNS_BY_HAND) break;
  }
  return newest;
}

/** Closed runs disappear after the namespace's retention: that is no failure. */
async function readOutcome(temporal: Client, workflowId: string, runId: string): Promise<string> {
  try {
    const { status, typedSearchAttributes } = await temporal.workflow.getHandle(workflowId, runId).describe();
    if (isOpenStatus(status.name)) return status.name.toLowerCase();
    const { name } = SEARCH_ATTRIBUTES.outcome;
    return typedSearchAttributes.get({ name, type: 'KEYWORD' }) ?? status.name;
  } catch {
    return 'forgotten';
  }
}
