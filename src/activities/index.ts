import { withFailures } from '../aws/failures';
import { withLiveness } from '../aws/liveness';
import type { ActivityDeps } from './deps';
import { encryptionDefaultActivities } from './encryptionDefault';
import { evidenceActivities } from './evidence';
import { grantActivities } from './grants';
import { imagePlanActivities } from './imagePlans';
import { imageRemovalActivities } from './imageRemoval';
import { imageActivities } from './images';
import { changeActivities } from './changes';
import { copyActivities } from './copies';
import { copyQueueActivities } from './copyQueues';
import { endedPointActivities } from './endedPoints';
import { expiryActivities } from './expiry';
import { holdActivities } from './holds';
import { lastPointActivities } from './lastPoints';
import { newTermsActivities } from './newTerms';
import { noticeActivities } from './notices';
import { slotActivities } from './slots';
import { lockActivities } from './locks';
import { inventoryActivities } from './inventory';
import { protectionActivities } from './protection';
import { keyActivities } from './keys';
import { keyDiscardActivities } from './keyDiscards';
import { keyReplicaActivities } from './keyReplicas';
import { keyRotationActivities } from './keyRotation';
import { keyCheckActivities } from './keyChecks';
import { capacityActivities } from './capacity';
import { keyProbeActivities } from './keyProbes';
import { campaignActivities } from './campaigns';
import { cloneClaimActivities } from './cloneClaims';
import { finalPointActivities } from './finalPoints';
import { healthCheckActivities } from './healthChecks';
import { missedCopyActivities } from './missedCopies';
import { migrationHookActivities } from './migrationHooks';
import { replacementActivities } from './replacements';
import { loneVolumeActivities } from './loneVolumes';
import { machineActivities } from './machines';
import { machineSelectionActivities } from './machineSelection';
import { machinePowerActivities } from './machinePower';
import { markActivities } from './marks';
import { moveSurveyActivities } from './moveSurveys';
import { keptPointActivities } from './keptPoints';
import { originalActivities } from './originals';
import { ownSnapshotActivities } from './ownSnapshots';
import { ownVolumeActivities } from './ownVolumes';
import { soakLookActivities } from './soakLooks';
import { residueActivities } from './residue';
import { stagingActivities } from './staging';
import { volumeActivities } from './volumes';
import { permissionActivities } from './permissions';
import { policyActivities } from './policies';
import { quotaActivities } from './quotas';
import { shareActivities } from './shares';
import { surveyActivities } from './surveys';
import { vaultActivities } from './vaults';
import { snapshotCommitActivities } from './snapshotCommit';
import { snapshotEncryptionActivities } from './snapshotEncryption';
import { snapshotPlanActivities } from './snapshotPlans';
import { unrecordedCopyActivities } from './unrecordedCopies';
import { abandonedShareActivities } from './abandonedShares';
import { archiveActivities } from './archive';
import { orphanActivities } from './orphans';
import { policyTargetActivities } from './policyTargets';
import { targetGroupActivities } from './targetGroups';
import { targetActivities } from './targets';
import { thawActivities } from './thaw';
import { warningActivities } from './warnings';
import { withWaits } from './waits';
import { windowActivities } from './windows';

/**
 * Every activity, over injected dependencies. AWS errors leave as ApplicationFailures of the types in
 * src/model/failures.ts; activities themselves see the SDK's own errors.
 */
export function createActivities(deps: ActivityDeps) {
  const activities = withFailures({
    ...targetActivities(deps),
    ...keyCheckActivities(deps),
    ...keyProbeActivities(deps),
    ...keyActivities(deps),
    ...keyRotationActivities(deps),
    ...keyReplicaActivities(deps),
    ...keyDiscardActivities(deps),
    ...grantActivities(deps),
    ...imagePlanActivities(deps),
    ...imageActivities(deps),
    ...imageRemovalActivities(deps),
    ...shareActivities(deps),
    ...policyActivities(deps),
    ...policyTargetActivities(deps),
    ...inventoryActivities(deps),
    ...protectionActivities(deps),
    ...changeActivities(deps),
    ...lastPointActivities(deps),
    ...thawActivities(deps),
    ...surveyActivities(deps),
    ...copyActivities(deps),
    ...copyQueueActivities(deps),
    ...vaultActivities(deps),
    ...expiryActivities(deps),
    ...endedPointActivities(deps),
    ...newTermsActivities(deps),
    ...archiveActivities(deps),
    ...orphanActivities(deps),
    ...abandonedShareActivities(deps),
    ...holdActivities(deps),
    ...lockActivities(deps),
    ...slotActivities(deps),
    ...noticeActivities(deps),
    ...machineActivities(deps),
    ...machineSelectionActivities(deps),
    ...permissionActivities(deps),
    ...quotaActivities(deps),
    ...machinePowerActivities(deps),
    ...capacityActivities(deps),
    ...healthCheckActivities(deps),
    ...targetGroupActivities(deps),
    ...migrationHookActivities(deps),
    ...missedCopyActivities(deps),
    ...stagingActivities(deps),
    ...volumeActivities(deps),
    ...replacementActivities(deps),
    ...ownVolumeActivities(deps),
    ...ownSnapshotActivities(deps),
    ...originalActivities(deps),
    ...keptPointActivities(deps),
    ...soakLookActivities(deps),
    ...cloneClaimActivities(deps),
    ...finalPointActivities(deps),
    ...markActivities(deps),
    ...moveSurveyActivities(deps),
    ...residueActivities(deps),
    ...snapshotPlanActivities(deps),
    ...snapshotEncryptionActivities(deps),
    ...snapshotCommitActivities(deps),
    ...unrecordedCopyActivities(deps),
    ...loneVolumeActivities(deps),
    ...campaignActivities(deps),
    ...warningActivities(deps),
    ...windowActivities(),
    ...evidenceActivities(deps),
    ...encryptionDefaultActivities(deps),
  });
  return withWaits(withLiveness(activities), deps.waits);
}

export type Activities = ReturnType<typeof createActivities>;
