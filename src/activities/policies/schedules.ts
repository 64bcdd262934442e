import {
  isGrpcServiceError,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  ServiceError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
} from '@temporalio/client';
import { conflict, finalFailure } from '../../aws/applicationFailures';
import { catchUpMs } from '../../calendar/timetable';
import { FAILURE } from '../../model/failures';
import { readExpiryId, readPolicyId, scheduleIds, workflowIds } from '../../model/ids';
import { SEARCH_ATTRIBUTES, TASK_QUEUE } from '../../model/names';
import {
  formatSchedule,
  type CreateBackupPolicyResult,
  type NormalizedPolicy,
} from '../../model/policies/policy';
import { formatRetention } from '../../model/points/retentionTerms';
import type { PolicyNow } from '../../model/points/retention';
import { targetKey, type Target } from '../../model/target';
import { listScheduleIds, policyOf } from '../../temporal/schedules';
import { heartbeat } from '../support/pace/heartbeat';
import { workInTurns } from '../support/pace/inTurns';

/**
 * A run that is still open after this long is stuck: its snapshots would be days older than the next ones. It is
 * ended, and its failure is as loud as any other.
 */
const RUN_TIMEOUT_MS = 3 * 86_400_000;
const EXPIRY_INTERVAL_MS = 3_600_000;
/** Descriptions that are asked for side by side: one after the other, some thousand Schedules take minutes. */
const DESCRIBED_AT_ONCE = 20;

/** Of a Schedule what policies are read from. */
export type PolicyDescription = Pick<ScheduleDescription, 'scheduleId' | 'action' | 'state'>;

interface PolicySchedule {
  name: string;
  description: PolicyDescription;
}

/** Every policy's Schedule, with the name that its id gives the policy, in the order of the list. */
export async function listPolicySchedules(temporal: Client): Promise<PolicySchedule[]> {
  const names: string[] = [];
  for await (const scheduleId of listScheduleIds(temporal)) {
    heartbeat();
    const name = readPolicyId(scheduleId);
    if (name !== undefined) names.push(name);
  }
  const found = await workInTurns(names, DESCRIBED_AT_ONCE, async (name): Promise<PolicySchedule[]> => {
    heartbeat();
    const description = await describePolicy(temporal, name);
    // Lists may go on showing what is deleted: https://docs.temporal.io/visibility
    return description ? [{ name, description }] : [];
  });
  return found.flat();
}

/**
 * Undefined where there is no such Schedule. One whose content cannot be decoded carries nothing that can be read, and must not keep
 * whoever looks at all of them waiting for ever.
 */
async function describeSchedule(
  temporal: Client,
  scheduleId: string,
): Promise<PolicyDescription | undefined> {
  try {
    return await temporal.schedule.getHandle(scheduleId).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    if (isAnswered(error)) return undecoded(scheduleId);
    throw error;
  }
}

/** Whether it is not the server that has refused or failed: then it is what the server told that cannot be read. */
function isAnswered(error: unknown): boolean {
  return !(error instanceof ServiceError) && !isGrpcServiceError(error);
}

function undecoded(scheduleId: string): PolicyDescription {
  const nothing = { workflowType: '', workflowId: '', taskQueue: '', args: [] };
  return { scheduleId, action: { type: 'startWorkflow', ...nothing }, state: { paused: true } };
}

export function describePolicy(temporal: Client, policyName: string): Promise<PolicyDescription | undefined> {
  return describeSchedule(temporal, scheduleIds.policy(policyName));
}

/** Undefined where there is none, or none that can be read. */
export async function readBackupPolicy(
  temporal: Client,
  policyName: string,
): Promise<NormalizedPolicy | undefined> {
  const description = await describePolicy(temporal, policyName);
  return description && policyOf(description);
}

/**
 * Where points may be: every place that a policy has ever left points in has its `enforceExpiry`, which outlives the policy and
 * its copies.
 */
export async function listExpiryPlaces(temporal: Client): Promise<Target[]> {
  const places: Target[] = [];
  for await (const scheduleId of listScheduleIds(temporal)) {
    heartbeat();
    const place = readExpiryId(scheduleId);
    if (place) places.push(place);
  }
  return places;
}

/** What deletions must know of a policy now; none where there is no such policy any more. */
export async function readPolicyNow(temporal: Client, policyName: string): Promise<PolicyNow[]> {
  const description = await describePolicy(temporal, policyName);
  return description ? [policyNowOf(policyName, description)] : [];
}

/** A Schedule that nobody can read may stand for any policy of that name: its points are held. */
export function policyNowOf(name: string, description: PolicyDescription): PolicyNow {
  const policy = policyOf(description);
  return {
    policyName: name,
    paused: !policy || description.state.paused,
    rpoMs: policy?.rpoMs ?? 0,
    ...(!policy && { unreadable: true }),
  };
}

const MONTHS = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'] as const),
  ...(['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
];
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** Everything that is allowed is named, so that Temporal reads it as the gaps were reckoned. */
export function specOf({
  frequencyMs,
  timetable,
  timezone,
  jitterMs,
  cron,
}: NormalizedPolicy): ScheduleOptions['spec'] {
  const jitter = jitterMs ? { jitter: jitterMs } : {};
  if (!timetable) return { intervals: [{ every: frequencyMs }], ...jitter };
  const calendar = {
    minute: timetable.minutes,
    hour: timetable.hours,
    dayOfMonth: timetable.daysOfMonth,
    month: timetable.months.flatMap((month) => MONTHS[month - 1] ?? []),
    dayOfWeek: timetable.daysOfWeek.flatMap((day) => DAYS[day] ?? []),
    ...(cron && { comment: cron }),
  };
  return { calendars: [calendar], timezone, ...jitter };
}

/**
 * Slow runs never delay the next slot, and after an outage the last slots are caught up, not a storm of them.
 *
 * @param now milliseconds since the epoch: gaps are reckoned from then on
 */
export function policySchedule(policy: NormalizedPolicy, now: number): ScheduleOptions {
  const { policyName } = policy;
  return {
    scheduleId: scheduleIds.policy(policyName),
    spec: specOf(policy),
    action: {
      type: 'startWorkflow',
      workflowType: 'runBackup',
      workflowId: workflowIds.backup(policyName),
      taskQueue: TASK_QUEUE,
      args: [policy],
      staticSummary: `${policyName}: ${policy.timetable ? '' : 'every '}${formatSchedule(policy)}, kept ${formatRetention(policy.retention)}`,
      workflowExecutionTimeout: RUN_TIMEOUT_MS,
    },
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: catchUpMs(policy, now) },
    state: { paused: policy.paused },
    memo: { policyName },
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.policy, value: policyName }],
  };
}

export function expirySchedule(target: Target): ScheduleOptions {
  return {
    scheduleId: scheduleIds.expiry(target),
    spec: { intervals: [{ every: EXPIRY_INTERVAL_MS }] },
    action: {
      type: 'startWorkflow',
      workflowType: 'enforceExpiry',
      workflowId: workflowIds.expiry(target),
      taskQueue: TASK_QUEUE,
      args: [{ targets: [target] }],
      staticSummary: `Expire recovery points in ${targetKey(target)}`,
      workflowExecutionTimeout: RUN_TIMEOUT_MS,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: EXPIRY_INTERVAL_MS },
  };
}

/**
 * @param paused what the Schedule is to be from now on; one that is there keeps its state where it is left out
 */
export async function writeSchedule(
  temporal: Client,
  wanted: ScheduleOptions,
  isSame: (existing: ScheduleDescription) => boolean,
  paused?: boolean,
): Promise<CreateBackupPolicyResult['status']> {
  const handle = temporal.schedule.getHandle(wanted.scheduleId);
  try {
    await requireAccepted(() => temporal.schedule.create(wanted));
    return 'CREATED';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  if (isSame(await requireDecoded(handle))) return 'UNCHANGED';
  await requireAccepted(() =>
    handle.update(({ state }) => ({
      ...wanted,
      state: { ...state, ...(paused !== undefined && { paused }) },
    })),
  );
  return 'UPDATED';
}

/**
 * Changing a Schedule begins with reading it.
 *
 * @throws ApplicationFailure Conflict, non-retryable, where that cannot be done
 */
async function requireDecoded(handle: ScheduleHandle): Promise<ScheduleDescription> {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError || !isAnswered(error)) throw error;
    throw conflict(
      `what Schedule ${handle.scheduleId} carries cannot be decoded (${error instanceof Error ? error.message : String(error)}): give the worker the key that it was written with, or delete the Schedule and apply again`,
    );
  }
}

/**
 * What the server refuses once it refuses for ever.
 *
 * @throws ApplicationFailure InvalidInput, non-retryable
 */
export async function requireAccepted<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const cause = error instanceof ServiceError ? error.cause : error;
    if (!isGrpcServiceError(cause) || Number(cause.code) !== INVALID_ARGUMENT) throw error;
    throw finalFailure(
      FAILURE.invalidInput,
      `Temporal's server refuses the Schedule: ${cause.details}; change when the policy runs`,
    );
  }
}

/** https://grpc.io/docs/guides/status-codes/ */
const INVALID_ARGUMENT = 3;
