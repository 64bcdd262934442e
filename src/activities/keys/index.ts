import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { keyCheckActivities } from './checks';
import { keyDiscardActivities } from './discards';
import { grantActivities } from './grants';
import { keyActivities } from './keys';
import { keyProbeActivities } from './probes';
import { keyReplicaActivities } from './replicas';
import { keyRotationActivities } from './rotation';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    keyCheckActivities(deps),
    keyProbeActivities(deps),
    keyActivities(deps),
    keyRotationActivities(deps),
    keyReplicaActivities(deps),
    keyDiscardActivities(deps),
    grantActivities(deps),
  ]);
}
