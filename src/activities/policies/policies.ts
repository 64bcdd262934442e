import { createHash } from 'node:crypto';
import type { ApplicationFailure } from '@temporalio/common';
import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { finalFailure } from '../../aws/applicationFailures';
import { clockNotes, rhythmOf, ScheduleProblem, zoneOf, type PolicyRhythm } from '../../calendar/timetable';
import { fixedDurationMs } from '../../model/duration';
import { keptTerms } from '../../model/policies/existingPoints';
import { FAILURE } from '../../model/failures';
import { scheduleIds } from '../../model/ids';
import { lockTerms } from '../../model/points/lock';
import { retentionTerms } from '../../model/points/retentionTerms';
import {
  DEFAULT_SELECTOR_TAG,
  rhythmProblems,
  type BackupPolicy,
  type CreateBackupPolicyResult,
  type NormalizedPolicy,
} from '../../model/policies/policy';
import { residencyProblem } from '../../model/points/residency';
import type { PolicyNow } from '../../model/points/retention';
import { isOneTarget, targetKey, type Target } from '../../model/target';
import type { AwsClients } from '../../aws/clients';
import { copyTermsOf } from '../copies/terms';
import { policyOf } from '../../temporal/schedules';
import type { ActivityDeps } from '../support/deps';
import {
  expirySchedule,
  policyNowOf,
  describePolicy,
  policySchedule,
  listPolicySchedules,
  writeSchedule,
} from './schedules';
import { resolvePolicyTargets } from './targets';
import { requireSameSlots } from './serverSlots';
import { placesOf } from '../../model/policies/places';

const NEXT_RUNS = 5;

interface MovedTargets {
  policy: NormalizedPolicy;
  targets: Target[];
}

/** Policies live as Temporal Schedules: https://docs.temporal.io/schedule */
export function policyActivities(deps: ActivityDeps) {
  const { aws, temporal, calendar } = deps;
  return {
    /**
     * Resolves and reckons once what every run of the policy then follows.
     *
     * @throws ApplicationFailure InvalidInput, TargetNotAllowed
     */
    async normalizePolicy({ policy }: { policy: BackupPolicy }): Promise<NormalizedPolicy> {
      const { longestMs: frequencyMs, timetable } = requireRhythm(policy, calendar.now());
      const jitterMs = policy.jitter && fixedDurationMs(policy.jitter);
      const targets = await resolveTargets(aws, policy);
      const kept = retentionTerms(policy.retention);
      const terms = {
        schemaVersion: 1 as const,
        policyName: policy.policyName,
        frequencyMs,
        ...(timetable && { timetable }),
        ...(policy.cron && { cron: policy.cron }),
        ...(jitterMs && { jitterMs }),
        retention: kept,
        timezone: zoneOf(policy.timezone),
        selector: policy.selector ?? { tags: { all: { [DEFAULT_SELECTOR_TAG]: policy.policyName } } },
        targets,
        ...(policy.targets?.every(isOneTarget) === false && { targetsFrom: policy.targets }),
        rpoMs: (policy.rpo && fixedDurationMs(policy.rpo)) || 2 * frequencyMs,
        minKeep: policy.minKeep,
        paused: policy.paused ?? (await wasPaused(temporal, policy.policyName)),
        copies: await copyTermsOf(deps, policy, targets, frequencyMs),
        ...(policy.residency && { residency: policy.residency }),
        ...(policy.archive && { archive: policy.archive }),
        ...(policy.lock && { lock: lockTerms(policy.lock, kept) }),
        ...(policy.legalHold && { legalHold: policy.legalHold }),
        ...(policy.costTags && { costTags: policy.costTags }),
        ...(policy.hooks && { hooks: policy.hooks }),
      };
      const { requestedBy, ticket } = policy;
      return withHash({ ...terms, ...(requestedBy && { requestedBy }), ...(ticket && { ticket }) });
    },

    /**
     * Creates or changes the policy's Schedule; one that carries the same policy stays untouched.
     *
     * @param paused as the policy says it; without it a Schedule that is there keeps its state
     * @throws ApplicationFailure InvalidInput where the server refuses the Schedule, or would run it at other times than were reckoned
     */
    async applyPolicy({
      policy,
      paused,
    }: {
      policy: NormalizedPolicy;
      paused?: boolean;
    }): Promise<CreateBackupPolicyResult> {
      const scheduleId = scheduleIds.policy(policy.policyName);
      await requireSameSlots(temporal, policy, calendar.now());
      let before: NormalizedPolicy | undefined;
      const status = await writeSchedule(
        temporal,
        policySchedule(policy, calendar.now()),
        (existing) => {
          before = policyOf(existing);
          return before?.hash === policy.hash && (paused === undefined || existing.state.paused === paused);
        },
        paused,
      );
      const remarks = keptTerms(before, policy);
      const { info, state } = await temporal.schedule.getHandle(scheduleId).describe();
      const nextRuns = state.paused
        ? []
        : info.nextActionTimes.slice(0, NEXT_RUNS).map((at) => at.toISOString());
      const { policyName } = policy;
      return { policyName, status, scheduleId, nextRuns, ...(remarks.length > 0 && { remarks }) };
    },

    /** What the changes of the clocks do to the policy's runs within a year, for people. */
    clockNotes({ policy: { timetable, timezone } }: { policy: NormalizedPolicy }): Promise<string[]> {
      return Promise.resolve(timetable ? clockNotes(timetable, timezone, calendar.now()) : []);
    },

    /** Every place gets an hourly `enforceExpiry`, independent of its policies: their points outlive them. */
    async ensureExpirySchedules({ policy }: { policy: NormalizedPolicy }): Promise<void> {
      for (const place of placesOf(policy)) await writeSchedule(temporal, expirySchedule(place), () => true);
    },

    /**
     * Writes the targets that a run found into the policy's Schedule, so that whatever asks where the policy's points
     * are finds them there; and has points expire in those that are new. A Schedule that says something else by now
     * stays as it is.
     */
    async moveTargets({ policy, targets }: MovedTargets): Promise<void> {
      const handle = temporal.schedule.getHandle(scheduleIds.policy(policy.policyName));
      try {
        const existing = policyOf(await handle.describe());
        if (existing?.hash !== policy.hash) return;
        const moved = withHash({ ...existing, targets });
        for (const place of placesOf(moved)) await writeSchedule(temporal, expirySchedule(place), () => true);
        await handle.update((now) => {
          // What has been applied since the run began is newer than what it found.
          if (policyOf(now)?.hash !== policy.hash) throw new AppliedMeanwhile();
          return { ...policySchedule(moved, calendar.now()), state: now.state };
        });
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError || error instanceof AppliedMeanwhile)) throw error;
      }
    },

    /** @throws ApplicationFailure PolicyNotFound, also where its Schedule carries nothing that can be read */
    async readPolicy({ policyName }: { policyName: string }): Promise<NormalizedPolicy> {
      const description = await describePolicy(temporal, policyName);
      const policy = description && policyOf(description);
      if (policy) return policy;
      throw description ? unreadable(policyName) : notFound(policyName);
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
      return (await readEveryPolicy(temporal)).policies;
    },

    /** The same, with the names of those that cannot be read. */
    async readPolicies(): Promise<{ policies: NormalizedPolicy[]; unreadable: string[] }> {
      return readEveryPolicy(temporal);
    },

    /** What deletions must know of the policies that exist now. */
    async policiesNow(): Promise<PolicyNow[]> {
      const schedules = await listPolicySchedules(temporal);
      return schedules.map(({ name, description }) => policyNowOf(name, description));
    },
  };
}

/** As the policy that is there says it: one that says nothing of it changes nothing of it. */
async function wasPaused(temporal: Client, policyName: string): Promise<boolean> {
  const description = await describePolicy(temporal, policyName);
  return description ? (policyOf(description)?.paused ?? description.state.paused) : false;
}

/** Leaves a Schedule as somebody has written it a moment ago. */
class AppliedMeanwhile extends Error {}

async function readEveryPolicy(
  temporal: Client,
): Promise<{ policies: NormalizedPolicy[]; unreadable: string[] }> {
  const policies: NormalizedPolicy[] = [];
  const unreadable: string[] = [];
  for (const { name, description } of await listPolicySchedules(temporal)) {
    const policy = policyOf(description);
    if (policy) policies.push(policy);
    else unreadable.push(name);
  }
  return { policies, unreadable };
}

function unreadable(policyName: string): ApplicationFailure {
  return finalFailure(
    FAILURE.policyNotFound,
    `policyName: Schedule ${scheduleIds.policy(policyName)} carries no policy ${policyName} that can be read; apply the policy again, or delete the Schedule`,
  );
}

function notFound(policyName: string): ApplicationFailure {
  return finalFailure(
    FAILURE.policyNotFound,
    `policyName: there is no backup policy ${policyName}; create it with createBackupPolicy`,
  );
}

/** Who asked does not change what a policy is. */
function withHash(policy: Omit<NormalizedPolicy, 'hash'>): NormalizedPolicy {
  const terms = { ...policy, hash: undefined, requestedBy: undefined, ticket: undefined };
  return { ...policy, hash: createHash('sha256').update(JSON.stringify(terms)).digest('hex') };
}

/** @throws ApplicationFailure InvalidInput */
function requireRhythm(policy: BackupPolicy, now: number): PolicyRhythm {
  const invalid = (field: string, why: string) => finalFailure(FAILURE.invalidInput, `${field}: ${why}`);
  try {
    const found = rhythmOf(policy, now);
    const [problem] = rhythmProblems(policy, found);
    if (problem) throw invalid(problem.path, problem.message);
    return found;
  } catch (error) {
    throw error instanceof ScheduleProblem ? invalid(error.field, error.message) : error;
  }
}

/**
 * One that cannot be worked in would be a hole in the protection from the first day.
 *
 * @throws ApplicationFailure InvalidInput, TargetNotAllowed
 */
async function resolveTargets(
  aws: AwsClients,
  { targets: written, residency }: BackupPolicy,
): Promise<Target[]> {
  const { targets, refused } = await resolvePolicyTargets(aws, { written, residency });
  if (refused.length > 0)
    throw finalFailure(
      FAILURE.targetNotAllowed,
      `targets: ${refused.map(({ message }) => message).join('; ')}`,
    );
  for (const target of targets) {
    const problem = residencyProblem(residency, target.region);
    if (problem) throw finalFailure(FAILURE.invalidInput, `targets: ${targetKey(target)}: ${problem}`);
  }
  return targets;
}
