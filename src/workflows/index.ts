import * as contents from './contents';
import { carriesState, takesOneObject } from './support/arguments';

/** The workflow types that the worker serves, and what they take. The exported names are the public contract. */
export const copyAmiToPartnerRegion = takesOneObject(contents.copyAmiToPartnerRegion);
export const createCustomerManagedKey = takesOneObject(contents.createCustomerManagedKey);
export const createShareableAmi = takesOneObject(contents.createShareableAmi);
export const enableEncryptionByDefault = takesOneObject(contents.enableEncryptionByDefault);
/** Started by Holdfast alone; it has no frame that could refuse anything. */
export const { copyQueue } = contents;
export const copyRecoveryPoints = takesOneObject(contents.copyRecoveryPoints);
export const backupTarget = takesOneObject(contents.backupTarget);
export const createBackupPolicy = takesOneObject(contents.createBackupPolicy);
export const planBackupPolicy = takesOneObject(contents.planBackupPolicy);
export const takeInventory = takesOneObject(contents.takeInventory);
export const deleteBackupPolicy = takesOneObject(contents.deleteBackupPolicy);
export const applyRetention = takesOneObject(contents.applyRetention);
export const enforceExpiry = carriesState(contents.enforceExpiry);
export const restoreFromArchive = takesOneObject(contents.restoreFromArchive);
export const sweepOrphans = carriesState(contents.sweepOrphans);
export const setLegalHold = carriesState(contents.setLegalHold);
export const runBackup = takesOneObject(contents.runBackup);
export const encryptSnapshots = carriesState(contents.encryptSnapshots);
export const encryptVolumes = carriesState(contents.encryptVolumes);
export const migrateMachine = takesOneObject(contents.migrateMachine);
export const migrateVolume = takesOneObject(contents.migrateVolume);

/** Temporal gives it every run of a type that is not in this list. */
export { unknownType as default } from './unknownType';
