/**
 * Holdfast for programs. Every function starts the workflow of the same name and returns its result; failures are
 * `OperationFailed` and carry the result too.
 *
 *     const holdfast = await Holdfast.connect();
 *     const { summary } = await enableEncryptionByDefault(holdfast, { kmsKeyIds: { 'us-east-1': 'alias/ebs' } });
 *     await holdfast.close();
 */
import { labOf, operationFunctions } from './client/labs';

export { ConfigError } from './config';
export {
  AlreadyStarted,
  InputRefused,
  NoWorkerAnswered,
  OperationFailed,
  OperationNotFound,
} from './client/errors';
export { Holdfast, Operation } from './client/operations';
export { meantWorkflow, NotMoved } from './client/moves';
export { OPERATION_NAMES, type OperationName } from './model/operations';
export type { OperationInput, OperationOptions, OperationResult } from './client/operations';
export { FAILURE, type FailureType } from './model/failures';
export type { Listed } from './model/list';
export type { Message, MessageName } from './model/messages';
export type { FailedItem } from './model/outcome';
export type { ProgressPage, ProgressRow } from './model/progress';
export type { Target, TargetInput } from './model/target';
export {
  CampaignNotFound,
  Campaigns,
  type CampaignStatus,
  type MachineStatus,
  type Told,
} from './client/campaigns';
export { BackfillRefused, BackupPolicies, PolicyNotFound, type PolicyState } from './client/policies';
export { NotTriggered, type TriggeredRun } from './client/policyRuns';
export type { PolicyPlan } from './model/policies/policyPlan';
export { costOfPolicies, type CostRequest } from './client/costs';
export type { CostComparison } from './model/cost/comparison';
export {
  inYamlWords,
  PolicyFileError,
  policyFileJsonSchema,
  readPolicyFile,
  readPolicyFiles,
} from './client/policyFile';

/** An operation of its own, for those who need no class. */
export const {
  createBackupPolicy,
  planBackupPolicy,
  deleteBackupPolicy,
  takeInventory,
  runBackup,
  applyRetention,
  enforceExpiry,
  setLegalHold,
  restoreFromArchive,
  sweepOrphans,
  createCustomerManagedKey,
  encryptVolumes,
  encryptSnapshots,
  enableEncryptionByDefault,
  createShareableAmi,
  copyAmiToPartnerRegion,
} = operationFunctions();

/** The snapshot lab. */
export const SnapshotManager = labOf('snapshots');
export type SnapshotManager = InstanceType<typeof SnapshotManager>;

/** The encryption lab. */
export const EncryptionManager = labOf('encryption');
export type EncryptionManager = InstanceType<typeof EncryptionManager>;

/** The image sharing lab. */
export const CrossAccountAmiManager = labOf('images');
export type CrossAccountAmiManager = InstanceType<typeof CrossAccountAmiManager>;
