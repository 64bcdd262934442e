import type { ActivityDeps } from '../support/deps';
import { joinActivities } from '../support/joinActivities';
import { campaignActivities } from './campaign/campaigns';
import { moveSurveyActivities } from './campaign/moveSurveys';
import { permissionActivities } from './campaign/permissions';
import { quotaActivities } from './campaign/quotas';
import { machineSelectionActivities } from './campaign/selection';
import { warningActivities } from './campaign/warnings';
import { windowActivities } from './campaign/windows';
import { encryptionDefaultActivities } from './encryptionDefault';
import { residueActivities } from './residue';
import { snapshotCommitActivities } from './snapshots/commit';
import { snapshotPlanActivities } from './snapshots/plans';
import { snapshotEncryptionActivities } from './snapshots/rounds';
import { unrecordedCopyActivities } from './snapshots/unrecordedCopies';

/** Every activity of this capability. */
export function activities(deps: ActivityDeps) {
  return joinActivities([
    machineSelectionActivities(deps),
    permissionActivities(deps),
    quotaActivities(deps),
    moveSurveyActivities(deps),
    residueActivities(deps),
    snapshotPlanActivities(deps),
    snapshotEncryptionActivities(deps),
    snapshotCommitActivities(deps),
    unrecordedCopyActivities(deps),
    campaignActivities(deps),
    warningActivities(deps),
    windowActivities(),
    encryptionDefaultActivities(deps),
  ]);
}
