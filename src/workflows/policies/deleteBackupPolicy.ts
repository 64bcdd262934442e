import { FAILURE } from '../../model/failures';
import {
  deleteBackupPolicyInput,
  type DeleteBackupPolicyInput,
  type DeleteBackupPolicyResult,
} from '../../model/policies/policy';
import { fail } from '../support/failure';
import { runOperation } from '../support/operation';
import { mutate } from '../support/options';

/** Ends a policy: no new points. The ones it made stay until they expire. */
export async function deleteBackupPolicy(input: DeleteBackupPolicyInput): Promise<DeleteBackupPolicyResult> {
  return runOperation(deleteBackupPolicyInput, input, async ({ policyName }, run) => {
    run.about({ policy: policyName });
    run.phase('Deleting the Schedule');
    const existed = await mutate(`Delete the Schedule of ${policyName}`).deletePolicySchedule({ policyName });
    if (!existed) throw fail(FAILURE.policyNotFound, `policyName: there is no backup policy ${policyName}`);
    run.row(policyName, 'deleted', 'its recovery points stay until they expire');
    return { policyName, status: 'DELETED' };
  });
}
