import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { archiveActivities } from './archive';
import { expiryActivities } from './expiry';
import { holdActivities } from './holds';
import { newTermsActivities } from './newTerms';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    expiryActivities(deps),
    newTermsActivities(deps),
    archiveActivities(deps),
    holdActivities(deps),
  ]);
}
