import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import { rhythmOf, ScheduleProblem, type Rhythm } from '../calendar/timetable';
import { fixedDurationMs } from '../model/duration';
import { FAILURE } from '../model/failures';
import { scheduleIds, workflowIds } from '../model/ids';
import { lockTerms } from '../model/lock';
import { formatRetention, retentionTerms } from '../model/retentionTerms';
import { SEARCH_ATTRIBUTES, TASK_QUEUE } from '../model/names';
import {
  DEFAULT_SELECTOR_TAG,
  formatSchedule,
  rhythmProblems,
  type BackupPolicy,
  type CreateBackupPolicyResult,
  type NormalizedPolicy,
} from '../model/policy';
import { residencyProblem } from '../model/residency';
import type { PolicyNow } from '../model/retention';
import { targetKey, type Target } from '../model/target';
import { copyTermsOf } from './copyTerms';
import type { ActivityDeps } from './deps';
import { placesOf } from './targets';

/**
 * A run that is still open after this long is stuck: its snapshots would be days older than the next ones. It is
 * ended, and its failure is as loud as any other.
 */
const RUN_TIMEOUT_MS = 3 * 86_400_000;
const EXPIRY_INTERVAL_MS = 3_600_000;
const NEXT_RUNS = 5;

/** Policies live as Temporal Schedules: https://docs.temporal.io/schedule */
export function policyActivities(deps: ActivityDeps) {
  const { aws, temporal, clock } = deps;
  return {
    /**
     * Resolves and reckons once what every run of the policy then follows.
     *
     * @throws ApplicationFailure InvalidInput, TargetNotAllowed
     */
    async normalizePolicy({ policy }: { policy: BackupPolicy }): Promise<NormalizedPolicy> {
      const { longestMs: frequencyMs, timetable } = rhythm(policy, clock.now());
      const jitterMs = policy.jitter && fixedDurationMs(policy.jitter);
      const targets = await aws.resolve(policy.targets);
      requireResidency(policy, targets);
      const kept = retentionTerms(policy.retention);
      const terms = {
        schemaVersion: 1 as const,
        policyName: policy.policyName,
        frequencyMs,
        ...(timetable && { timetable }),
        ...(policy.cron && { cron: policy.cron }),
        ...(jitterMs && { jitterMs }),
        retention: kept,
        timezone: policy.timezone,
        selector: policy.selector ?? { tags: { all: { [DEFAULT_SELECTOR_TAG]: policy.policyName } } },
        targets,
        rpoMs: (policy.rpo && fixedDurationMs(policy.rpo)) || 2 * frequencyMs,
        minKeep: policy.minKeep,
        paused: policy.paused,
        copies: await copyTermsOf(deps, policy, targets, frequencyMs),
        ...(policy.residency && { residency: policy.residency }),
        ...(policy.lock && { lock: lockTerms(policy.lock, kept) }),
        ...(policy.legalHold && { legalHold: policy.legalHold }),
      };
      const { requestedBy, ticket } = policy;
      return {
        ...terms,
        hash: hashOf(terms),
        ...(requestedBy && { requestedBy }),
        ...(ticket && { ticket }),
      };
    },

    /** Creates or changes the policy's Schedule; one that carries the same policy stays untouched. */
    async applyPolicy({ policy }: { policy: NormalizedPolicy }): Promise<CreateBackupPolicyResult> {
      const scheduleId = scheduleIds.policy(policy.policyName);
      const status = await writeSchedule(
        temporal,
        policySchedule(policy),
        (existing) => policyOf(existing)?.hash === policy.hash,
      );
      const { info } = await temporal.schedule.getHandle(scheduleId).describe();
      const nextRuns = policy.paused
        ? []
        : info.nextActionTimes.slice(0, NEXT_RUNS).map((at) => at.toISOString());
      return { policyName: policy.policyName, status, scheduleId, nextRuns };
    },

    /** Every place gets an hourly `enforceExpiry`, independent of its policies: their points outlive them. */
    async ensureExpirySchedules({ policy }: { policy: NormalizedPolicy }): Promise<void> {
      for (const place of placesOf(policy)) await writeSchedule(temporal, expirySchedule(place), () => true);
    },

    /** @throws ApplicationFailure PolicyNotFound */
    async readPolicy({ policyName }: { policyName: string }): Promise<NormalizedPolicy> {
      try {
        const policy = policyOf(await temporal.schedule.getHandle(scheduleIds.policy(policyName)).describe());
        if (policy) return policy;
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      }
      throw notFound(policyName);
    },

    /**
     * Deletes the policy's Schedule; what it made stays and expires.
     *
     * @returns false when there was none
     */
    async deletePolicySchedule({ policyName }: { policyName: string }): Promise<boolean> {
      try {
        await temporal.schedule.getHandle(scheduleIds.policy(policyName)).delete();
        return true;
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return false;
        throw error;
      }
    },

    /** The policies that exist now, as far as their Schedules can be read. */
    async allPolicies(): Promise<NormalizedPolicy[]> {
      const policies: NormalizedPolicy[] = [];
      for await (const { description } of policySchedules(temporal)) {
        const policy = policyOf(description);
        if (policy) policies.push({ ...policy, copies: policy.copies ?? [] });
      }
      return policies;
    },

    /** What deletions must know of the policies that exist now. */
    async policiesNow(): Promise<PolicyNow[]> {
      const policies: PolicyNow[] = [];
      for await (const { name, description } of policySchedules(temporal)) {
        const policy = policyOf(description);
        // A Schedule that nobody can read may stand for any policy of that name: hold its points.
        const policyName = policy?.policyName ?? name;
        policies.push({ policyName, paused: !policy || description.state.paused, rpoMs: policy?.rpoMs ?? 0 });
      }
      return policies;
    },
  };
}

/** Every policy's Schedule, with the name that its id gives the policy. */
async function* policySchedules(
  temporal: Client,
): AsyncGenerator<{ name: string; description: ScheduleDescription }> {
  const prefix = scheduleIds.policy('');
  for await (const { scheduleId } of temporal.schedule.list()) {
    if (!scheduleId.startsWith(prefix)) continue;
    const description = await temporal.schedule.getHandle(scheduleId).describe();
    yield { name: scheduleId.slice(prefix.length), description };
  }
}

function notFound(policyName: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `policyName: there is no backup policy ${policyName}; create it with createBackupPolicy`,
    FAILURE.policyNotFound,
  );
}

function hashOf(terms: object): string {
  return createHash('sha256').update(JSON.stringify(terms)).digest('hex');
}

/** The policy that a Schedule carries as its action's one argument. */
function policyOf({ action }: ScheduleDescription): NormalizedPolicy | undefined {
  return action.type === 'startWorkflow' ? (action.args?.[0] as NormalizedPolicy | undefined) : undefined;
}

/** @throws ApplicationFailure InvalidInput */
function rhythm(policy: BackupPolicy, now: number): Rhythm {
  const invalid = (field: string, why: string) =>
    ApplicationFailure.nonRetryable(`${field}: ${why}`, FAILURE.invalidInput);
  try {
    const found = rhythmOf(policy, now);
    const [problem] = rhythmProblems(policy, found);
    if (problem) throw invalid(problem.path, problem.message);
    return found;
  } catch (error) {
    throw error instanceof ScheduleProblem ? invalid(error.field, error.message) : error;
  }
}

/** @throws ApplicationFailure InvalidInput */
function requireResidency({ residency }: BackupPolicy, targets: readonly Target[]): void {
  for (const target of targets) {
    const problem = residencyProblem(residency, target.region);
    if (problem)
      throw ApplicationFailure.nonRetryable(
        `targets: ${targetKey(target)}: ${problem}`,
        FAILURE.invalidInput,
      );
  }
}

const MONTHS = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'] as const),
  ...(['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
];
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** Everything that is allowed is named, so that Temporal reads it as the gaps were reckoned. */
function specOf({
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

/** Slow runs never delay the next slot, and after an outage at most one interval is caught up, not a storm of them. */
function policySchedule(policy: NormalizedPolicy): ScheduleOptions {
  const { policyName, frequencyMs } = policy;
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
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: frequencyMs },
    state: { paused: policy.paused },
    memo: { policyName },
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.policy, value: policyName }],
  };
}

function expirySchedule(target: Target): ScheduleOptions {
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

async function writeSchedule(
  temporal: Client,
  wanted: ScheduleOptions,
  isSame: (existing: ScheduleDescription) => boolean,
): Promise<CreateBackupPolicyResult['status']> {
  const handle = temporal.schedule.getHandle(wanted.scheduleId);
  try {
    await temporal.schedule.create(wanted);
    return 'CREATED';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  if (isSame(await handle.describe())) return 'UNCHANGED';
  await handle.update(({ state }) => ({ ...wanted, state: { ...state, ...wanted.state } }));
  return 'UPDATED';
}
