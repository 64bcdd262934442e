import { patched } from '@temporalio/workflow';
import type { CostEstimate } from '../../model/policies/estimate';
import { formatDuration } from '../../model/duration';
import { keptTerms } from '../../model/policies/existingPoints';
import { scheduleIds } from '../../model/ids';
import { listed } from '../../model/list';
import {
  createBackupPolicyInput,
  type CreateBackupPolicyInput,
  type NormalizedPolicy,
} from '../../model/policies/policy';
import { changesOf, planProblems, runTimes, type PolicyPlan } from '../../model/policies/policyPlan';
import { runOperation } from '../support/operation';
import { read, readMany } from '../support/options';
import { survey } from './survey';
import type { TargetSurvey } from '../../model/policies/survey';

/**
 * What `createBackupPolicy` with the same input would change, what its next run would protect and how long it would
 * take, what it would cost, and what no policy protects. Changes nothing.
 */
export async function planBackupPolicy(input: CreateBackupPolicyInput): Promise<PolicyPlan> {
  return runOperation(createBackupPolicyInput, input, async (request, run) => {
    run.about({ policy: request.policyName });
    run.phase('Normalizing');
    const policy = await read(`Resolve ${request.policyName}`).normalizePolicy({ policy: request });
    const { policies: existing, unreadable } = await readPolicies();
    const others = existing.filter(({ policyName }) => policyName !== policy.policyName);
    const surveys = await survey(policy, others, run);
    const before = existing.find(({ policyName }) => policyName === policy.policyName);
    run.phase('Reckoning');
    const cost = await read(`Price ${policy.policyName}`).estimatePolicy({ policy, surveys });
    const clocks =
      policy.timetable && patched('plans-tell-of-the-clocks')
        ? await read('Look at the changes of the clocks').clockNotes({ policy })
        : [];
    return {
      ...planOf(policy, before, surveys, cost),
      ...(clocks.length > 0 && { clocks }),
      ...remarksOf(before, policy, unreadable),
    };
  });
}

async function readPolicies(): Promise<{ policies: NormalizedPolicy[]; unreadable: string[] }> {
  const activities = readMany('Read the policies');
  return patched('plans-name-unreadable-policies')
    ? activities.readPolicies()
    : { policies: await activities.allPolicies(), unreadable: [] };
}

/** What a policy that cannot be read selects counts as selected by none. */
function remarksOf(
  before: NormalizedPolicy | undefined,
  policy: NormalizedPolicy,
  unreadable: readonly string[],
): Pick<PolicyPlan, 'remarks'> {
  const named = unreadable.map(
    (name) =>
      `policy ${name} cannot be read, runs nothing, and its points stay: apply it again, or delete its Schedule ${scheduleIds.policy(name)}`,
  );
  const remarks = [...keptTerms(before, policy), ...named];
  return remarks.length > 0 ? { remarks } : {};
}

function planOf(
  policy: NormalizedPolicy,
  before: NormalizedPolicy | undefined,
  surveys: TargetSurvey[],
  cost: CostEstimate,
): PolicyPlan {
  const { completeMs, copiedMs } = runTimes(policy, surveys);
  const changed = before?.hash === policy.hash ? 'UNCHANGED' : 'UPDATE';
  return {
    policyName: policy.policyName,
    change: before ? changed : 'CREATE',
    changes: before ? changesOf(before, policy) : [],
    targets: surveys.map(({ unprotected: _u, replaced: _r, missing: _m, ...counts }) => counts),
    unprotected: listed(
      surveys.flatMap(({ unprotected }) => unprotected.items),
      surveys.reduce((sum, { unprotected }) => sum + unprotected.total, 0),
    ),
    completeWithin: formatDuration(completeMs),
    ...(policy.copies.length > 0 && { copiedWithin: formatDuration(copiedMs) }),
    cost,
    problems: planProblems(policy, surveys),
  };
}
