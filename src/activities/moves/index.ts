import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { cloneClaimActivities } from './cloneClaims';
import { finalPointActivities } from './finalPoints';
import { migrationHookActivities } from './hooks';
import { keptPointActivities } from './keptPoints';
import { loneVolumeActivities } from './loneVolumes';
import { markActivities } from './marks';
import { originalActivities } from './originals';
import { ownSnapshotActivities } from './ownSnapshots';
import { ownVolumeActivities } from './ownVolumes';
import { replacementActivities } from './replacements';
import { soakLookActivities } from './soakLooks';
import { stagingActivities } from './staging';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    migrationHookActivities(deps),
    stagingActivities(deps),
    replacementActivities(deps),
    ownVolumeActivities(deps),
    ownSnapshotActivities(deps),
    originalActivities(deps),
    keptPointActivities(deps),
    soakLookActivities(deps),
    cloneClaimActivities(deps),
    finalPointActivities(deps),
    markActivities(deps),
    loneVolumeActivities(deps),
  ]);
}
