import type { ActivityDeps } from './deps';
import { evidenceActivities } from './evidence';
import { joinActivities } from './joinActivities';
import { noticeActivities } from './notices';
import { targetActivities } from './targets';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([targetActivities(deps), noticeActivities(deps), evidenceActivities(deps)]);
}
