import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { imageActivities } from './images';
import { imagePlanActivities } from './plans';
import { imageRemovalActivities } from './removal';
import { shareActivities } from './shares';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    imagePlanActivities(deps),
    imageActivities(deps),
    imageRemovalActivities(deps),
    shareActivities(deps),
  ]);
}
