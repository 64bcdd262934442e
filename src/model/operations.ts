/** The public workflow types. What else src/workflows exports are their children. */
export const OPERATION_NAMES = [
  'createBackupPolicy',
  'planBackupPolicy',
  'deleteBackupPolicy',
  'runBackup',
  'applyRetention',
  'enforceExpiry',
  'setLegalHold',
  'restoreFromArchive',
  'sweepOrphans',
  'createCustomerManagedKey',
  'encryptVolumes',
  'encryptSnapshots',
  'enableEncryptionByDefault',
  'createShareableAmi',
  'copyAmiToPartnerRegion',
] as const;
