import type { z } from 'zod';
import { runBackupByName } from '../backup/run';
import { encryptVolumesInput } from '../encryption/campaign/campaign';
import { enableEncryptionByDefaultInput } from '../encryption/encryptionDefault';
import { encryptSnapshotsInput } from '../encryption/snapshots/snapshotEncryption';
import { copyAmiToPartnerRegionInput, createShareableAmiInput } from '../images/share';
import { createCustomerManagedKeyInput } from '../keys/key';
import type { OperationName } from '../operations';
import { createBackupPolicyInput, deleteBackupPolicyInput } from '../policies/policy';
import { takeInventoryInput } from '../policies/inventory';
import { applyRetentionInput } from '../retention/applyRetention';
import { enforceExpiryInput } from '../retention/expiry';
import { setLegalHoldInput } from '../retention/hold';
import { restoreFromArchiveInput } from '../retention/restoreFromArchive';
import { sweepOrphansInput } from './sweep';

/** What people give each operation. A Schedule starts `runBackup` with the normalized policy, which nobody writes by hand. */
export const OPERATION_INPUTS = {
  createBackupPolicy: createBackupPolicyInput,
  planBackupPolicy: createBackupPolicyInput,
  deleteBackupPolicy: deleteBackupPolicyInput,
  takeInventory: takeInventoryInput,
  runBackup: runBackupByName,
  applyRetention: applyRetentionInput,
  enforceExpiry: enforceExpiryInput,
  setLegalHold: setLegalHoldInput,
  restoreFromArchive: restoreFromArchiveInput,
  sweepOrphans: sweepOrphansInput,
  createCustomerManagedKey: createCustomerManagedKeyInput,
  encryptVolumes: encryptVolumesInput,
  encryptSnapshots: encryptSnapshotsInput,
  enableEncryptionByDefault: enableEncryptionByDefaultInput,
  createShareableAmi: createShareableAmiInput,
  copyAmiToPartnerRegion: copyAmiToPartnerRegionInput,
} as const satisfies Record<OperationName, z.ZodType>;
