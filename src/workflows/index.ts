/** The workflow types that the worker serves. The exported names are the public contract. */
export { copyAmiToPartnerRegion } from './copyAmiToPartnerRegion';
export { createCustomerManagedKey } from './createCustomerManagedKey';
export { createShareableAmi } from './createShareableAmi';
export { enableEncryptionByDefault } from './enableEncryptionByDefault';
export { copyQueue } from './copyQueue';
export { copyRecoveryPoints } from './copyRecoveryPoints';
export { backupTarget } from './backupTarget';
export { createBackupPolicy } from './createBackupPolicy';
export { planBackupPolicy } from './planBackupPolicy';
export { deleteBackupPolicy } from './deleteBackupPolicy';
export { enforceExpiry } from './enforceExpiry';
export { restoreFromArchive } from './restoreFromArchive';
export { sweepOrphans } from './sweepOrphans';
export { setLegalHold } from './setLegalHold';
export { runBackup } from './runBackup';
export { encryptVolumes } from './encryptVolumes';
export { migrateMachine } from './migrateMachine';
