import type { Target, TargetInput } from '../../model/target';
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
