import type { ActivityDeps } from '../support/deps';
import { joined } from '../support/joined';
import { abandonedShareActivities } from './abandonedShares';
import { endedPointActivities } from './endedPoints';
import { orphanActivities } from './orphans';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joined([endedPointActivities(deps), orphanActivities(deps), abandonedShareActivities(deps)]);
}
