import {
  createBackupPolicyInput,
  type CreateBackupPolicyInput,
  type CreateBackupPolicyResult,
  type NormalizedPolicy,
} from '../model/policy';
import { destinationOf } from '../model/copy';
import type { Target } from '../model/target';
import { operation } from './support/operation';
import { mutate, read } from './support/options';

/** Where a policy leaves recovery points: its targets, and the regions that it copies them to. */
function placesOf({ targets, copies }: NormalizedPolicy): Target[] {
  return targets.flatMap((target) => [target, ...copies.map((terms) => destinationOf({ target, terms }))]);
}

/**
 * Makes a policy's Schedule what the input says: created, changed, or left alone when it already is. Its points
 * expire through an hourly `enforceExpiry` of each target, which is made sure of too.
 */
export async function createBackupPolicy(input: CreateBackupPolicyInput): Promise<CreateBackupPolicyResult> {
  return operation(createBackupPolicyInput, input, async (request, run) => {
    run.about({ policy: request.policyName });
    run.phase('Normalizing');
    const policy = await read(`Resolve ${request.policyName}`).normalizePolicy({ policy: request });
    run.phase('Scheduling');
    await mutate('Make sure that points expire').ensureExpirySchedules({ targets: placesOf(policy) });
    const result = await mutate(`Schedule ${policy.policyName}`).applyPolicy({ policy });
    run.row(result.scheduleId, result.status, result.nextRuns[0] && `next run ${result.nextRuns[0]}`);
    return result;
  });
}
