import type { ActivityDeps } from './deps';
import { evidenceActivities } from './evidence';
import { joined } from './joined';
import { noticeActivities } from './notices';
import { targetActivities } from './targets';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joined([targetActivities(deps), noticeActivities(deps), evidenceActivities(deps)]);
}
