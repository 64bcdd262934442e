import type { ApplicationFailure } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { finalFailure } from '../../aws/applicationFailures';
import { clockChanges, slotsFrom } from '../../calendar/timetable';
import { FAILURE } from '../../model/failures';
import { scheduleIds } from '../../model/ids';
import { TASK_QUEUE } from '../../model/names';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { requireAccepted, specOf } from './schedules';

const DAY_MS = 86_400_000;
/** The next days, and those around each change of the clocks in a year. */
const DAYS_AHEAD = 3;
const YEAR_MS = 366 * DAY_MS;

/**
 * Asks the server itself when it would run a policy, before anything of the policy is changed: what its gaps and RPO were reckoned
 * with has to be what happens (https://docs.temporal.io/schedule). Intervals need no asking: they know no clocks.
 *
 * @throws ApplicationFailure InvalidInput, non-retryable, with the first slot that differs
 */
export async function requireSameSlots(
  temporal: Client,
  policy: NormalizedPolicy,
  now: number,
): Promise<void> {
  const { timetable, timezone } = policy;
  if (!timetable) return;
  const changes = clockChanges(timezone, now, now + YEAR_MS);
  const windows = [
    { from: now, to: now + DAYS_AHEAD * DAY_MS },
    ...changes.map((at) => ({ from: at - DAY_MS, to: at + 2 * DAY_MS })),
  ];
  await withProbe(temporal, policy, async (scheduleId) => {
    for (const { from, to } of windows) {
      const days = Math.ceil((to - from) / DAY_MS) + 2;
      const ours = slotsFrom(timetable, timezone, from + 1, days).filter((at) => at <= to);
      const theirs = await listMatchingTimes(temporal, scheduleId, from, to);
      const differs = [...ours, ...theirs]
        .sort((a, b) => a - b)
        .find((at) => !ours.includes(at) || !theirs.includes(at));
      if (differs !== undefined) throw otherSlots(policy, differs, theirs.includes(differs));
    }
  });
}

/** Paused, and deleted again: it never runs, and nothing of the policy knows of it. */
async function withProbe(
  temporal: Client,
  policy: NormalizedPolicy,
  act: (scheduleId: string) => Promise<void>,
): Promise<void> {
  const scheduleId = scheduleIds.probe(policy.policyName, policy.hash);
  const handle = temporal.schedule.getHandle(scheduleId);
  // Of an attempt that ended before it was deleted.
  await handle.delete().catch(() => undefined);
  await requireAccepted(() =>
    temporal.schedule.create({
      scheduleId,
      spec: specOf({ ...policy, jitterMs: undefined }),
      action: { type: 'startWorkflow', workflowType: 'planBackupPolicy', taskQueue: TASK_QUEUE, args: [] },
      state: { paused: true, note: 'asks when a policy would run, and is deleted at once' },
    }),
  );
  try {
    await act(scheduleId);
  } finally {
    await handle.delete();
  }
}

async function listMatchingTimes(
  temporal: Client,
  scheduleId: string,
  from: number,
  to: number,
): Promise<number[]> {
  const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
    namespace: temporal.options.namespace,
    scheduleId,
    startTime: timestamp(from),
    endTime: timestamp(to),
  });
  return (startTime ?? []).map(({ seconds }) => Number(seconds) * 1000).filter((at) => at > from && at <= to);
}

/** The types want the class of a package that is not ours; the encoder takes numbers. */
function timestamp(at: number): { seconds: never; nanos: number } {
  return { seconds: Math.floor(at / 1000) as never, nanos: 0 };
}

function otherSlots({ cron, timezone }: NormalizedPolicy, at: number, isTheirs: boolean): ApplicationFailure {
  const when = new Date(at).toISOString();
  const what = isTheirs
    ? 'would run it then, which was not reckoned with'
    : 'would not run it then, which was reckoned with';
  return finalFailure(
    FAILURE.invalidInput,
    `${cron ? 'cron' : 'calendar'}: at ${when} Temporal's server ${what}: its time zone data of ${timezone} differs from this worker's; update both, or use frequency`,
  );
}
