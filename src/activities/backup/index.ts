import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { changeActivities } from './changes';
import { lastPointActivities } from './lastPoints';
import { protectionActivities } from './protection';
import { slotActivities } from './slots';
import { thawActivities } from './thaw';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    protectionActivities(deps),
    changeActivities(deps),
    lastPointActivities(deps),
    thawActivities(deps),
    slotActivities(deps),
  ]);
}
