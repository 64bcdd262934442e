import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { abandonedShareActivities } from './abandonedShares';
import { endedPointActivities } from './endedPoints';
import { orphanActivities } from './orphans';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([endedPointActivities(deps), orphanActivities(deps), abandonedShareActivities(deps)]);
}
