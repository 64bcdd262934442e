import { destinationOf } from '../model/copy';
import type { NormalizedPolicy } from '../model/policy';
import type { Target, TargetInput } from '../model/target';
import type { ActivityDeps } from './deps';

export function targetActivities({ aws }: ActivityDeps) {
  return {
    /**
     * Fills in the worker's own account and region where a target leaves them out, drops doubles, and refuses targets
     * that the accounts file does not allow.
     *
     * @throws ApplicationFailure TargetNotAllowed
     */
    async resolveTargets({ targets }: { targets?: TargetInput[] }): Promise<Target[]> {
      return aws.resolve(targets);
    },
  };
}

/** Where a policy leaves recovery points: its targets, and the regions that it copies them to. */
export function placesOf({ targets, copies }: NormalizedPolicy): Target[] {
  return targets.flatMap((target) => [target, ...copies.map((terms) => destinationOf({ target, terms }))]);
}
