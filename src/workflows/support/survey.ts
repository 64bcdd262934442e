import { keptCount } from '../../model/keptVolume';
import type { NormalizedPolicy } from '../../model/policy';
import type { TargetSurvey } from '../../model/policyPlan';
import { targetKey } from '../../model/target';
import type { Run } from './operation';
import { read } from './options';

/** Looks at everything in the policy's targets. */
export async function survey(
  policy: NormalizedPolicy,
  others: NormalizedPolicy[],
  run: Run,
): Promise<TargetSurvey[]> {
  run.phase('Looking at the targets');
  return Promise.all(
    policy.targets.map(async (target) => {
      const found = await read(`Look at ${targetKey(target)}`, {
        startToCloseTimeout: '15 minutes',
        heartbeatTimeout: '30 seconds',
      }).surveyTarget({ target, policy, others });
      const kept = found.leftOut ? `; ${keptCount(found.leftOut)} left out` : '';
      run.row(targetKey(target), 'looked at', `${found.volumes} volumes${kept}`);
      return found;
    }),
  );
}
