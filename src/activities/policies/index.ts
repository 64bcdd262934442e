import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { fleetActivities } from './fleets';
import { policyActivities } from './policies';
import { surveyActivities } from './surveys';
import { policyTargetActivities } from './targets';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    policyActivities(deps),
    policyTargetActivities(deps),
    surveyActivities(deps),
    fleetActivities(deps),
  ]);
}
