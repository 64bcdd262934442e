import {
  createBackupPolicyInput,
  type CreateBackupPolicyInput,
  type CreateBackupPolicyResult,
} from '../../model/policies/policy';
import { FAILURE } from '../../model/failures';
import { limitProblems } from '../../model/policies/policyPlan';
import { fail } from '../support/failure';
import { runOperation } from '../support/operation';
import { mutate, read } from '../support/options';
import { survey } from './survey';

/**
 * Makes a policy's Schedule what the input says: created, changed, or left alone when it already is. What AWS's limits
 * do not allow with the volumes that are there now is refused, with the sum. Its points expire through an hourly `enforceExpiry` of each target, which is made sure of too.
 */
export async function createBackupPolicy(input: CreateBackupPolicyInput): Promise<CreateBackupPolicyResult> {
  return runOperation(createBackupPolicyInput, input, async (request, run) => {
    run.about({ policy: request.policyName });
    run.phase('Normalizing');
    const policy = await read(`Resolve ${request.policyName}`).normalizePolicy({ policy: request });
    const problems = limitProblems(policy, await survey(policy, [], run));
    if (problems.length > 0) throw fail(FAILURE.invalidInput, problems.join('; '));
    run.phase('Scheduling');
    await mutate('Make sure that points expire').ensureExpirySchedules({ policy });
    const { policyName, legalHold: reason } = policy;
    if (reason) await mutate(`Hold ${policyName}`).ensurePolicyHold({ policyName, reason });
    const { paused } = request;
    const result = await mutate(`Schedule ${policyName}`).applyPolicy({
      policy,
      ...(paused !== undefined && { paused }),
    });
    for (const remark of result.remarks ?? []) run.remark(remark);
    run.row(result.scheduleId, result.status, result.nextRuns[0] && `next run ${result.nextRuns[0]}`);
    return result;
  });
}
