import { keptCount } from '../../model/machines/keptVolume';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { targetKey } from '../../model/target';
import type { Run } from '../support/operation';
import { readMany } from '../support/options';
import type { TargetSurvey } from '../../model/policies/survey';

/** Looks at everything in the policy's targets. */
export async function survey(
  policy: NormalizedPolicy,
  others: NormalizedPolicy[],
  run: Run,
): Promise<TargetSurvey[]> {
  run.phase('Looking at the targets');
  return Promise.all(
    policy.targets.map(async (target) => {
      const found = await readMany(`Look at ${targetKey(target)}`).surveyTarget({ target, policy, others });
      const kept = found.leftOut ? `; ${keptCount(found.leftOut)} left out` : '';
      run.row(targetKey(target), 'looked at', `${found.volumes} volumes${kept}`);
      return found;
    }),
  );
}
