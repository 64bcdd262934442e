import type { ActivityDeps } from '../support/deps';
import { joined } from '../support/joined';
import { fleetActivities } from './fleets';
import { policyActivities } from './policies';
import { surveyActivities } from './surveys';
import { policyTargetActivities } from './targets';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joined([
    policyActivities(deps),
    policyTargetActivities(deps),
    surveyActivities(deps),
    fleetActivities(deps),
  ]);
}
