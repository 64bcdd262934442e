/**
 * Holdfast for programs. Every function starts the workflow of the same name and returns its result; failures are
 * `OperationFailed` and carry the result too.
 *
 *     const holdfast = await Holdfast.connect();
 *     const { summary } = await enableEncryptionByDefault(holdfast, { kmsKeyIds: { 'us-east-1': 'alias/ebs' } });
 *     await holdfast.close();
 */
import type {
  Holdfast,
  OperationInput,
  OperationName,
  OperationOptions,
  OperationResult,
} from './client/operations';

export { ConfigError } from './config';
export { NoWorkerAnswered, OperationFailed } from './client/errors';
export { Holdfast, Operation } from './client/operations';
export { OPERATION_NAMES } from './model/operations';
export type { OperationInput, OperationName, OperationOptions, OperationResult } from './client/operations';
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
export { PolicyFileError, policyFileJsonSchema, readPolicyFile, readPolicyFiles } from './client/policyFile';

type Run<Name extends OperationName> = (
  holdfast: Holdfast,
  input: OperationInput<Name>,
  options?: OperationOptions,
) => Promise<OperationResult<Name>>;

function operation<Name extends OperationName>(name: Name): Run<Name> {
  return (holdfast, input, options) => holdfast.run(name, input, options);
}

export const createBackupPolicy = operation('createBackupPolicy');
export const planBackupPolicy = operation('planBackupPolicy');
export const deleteBackupPolicy = operation('deleteBackupPolicy');
export const runBackup = operation('runBackup');
export const applyRetention = operation('applyRetention');
export const enforceExpiry = operation('enforceExpiry');
export const setLegalHold = operation('setLegalHold');
export const createCustomerManagedKey = operation('createCustomerManagedKey');
export const encryptVolumes = operation('encryptVolumes');
export const encryptSnapshots = operation('encryptSnapshots');
export const enableEncryptionByDefault = operation('enableEncryptionByDefault');
export const createShareableAmi = operation('createShareableAmi');
export const copyAmiToPartnerRegion = operation('copyAmiToPartnerRegion');

/** A function above, bound to a connection: the form in which the labs' classes offer it. */
type Bound<Name extends OperationName> = (
  input: OperationInput<Name>,
  options?: OperationOptions,
) => Promise<OperationResult<Name>>;

function bound<Name extends OperationName>(holdfast: Holdfast, run: Run<Name>): Bound<Name> {
  return (input, options) => run(holdfast, input, options);
}

/** The snapshot lab. */
export class SnapshotManager {
  readonly createBackupPolicy: Bound<'createBackupPolicy'>;
  readonly planBackupPolicy: Bound<'planBackupPolicy'>;
  readonly deleteBackupPolicy: Bound<'deleteBackupPolicy'>;
  readonly runBackup: Bound<'runBackup'>;
  readonly enforceExpiry: Bound<'enforceExpiry'>;
  readonly setLegalHold: Bound<'setLegalHold'>;

  constructor(holdfast: Holdfast) {
    this.createBackupPolicy = bound(holdfast, createBackupPolicy);
    this.planBackupPolicy = bound(holdfast, planBackupPolicy);
    this.deleteBackupPolicy = bound(holdfast, deleteBackupPolicy);
    this.runBackup = bound(holdfast, runBackup);
    this.enforceExpiry = bound(holdfast, enforceExpiry);
    this.setLegalHold = bound(holdfast, setLegalHold);
  }
}

/** The encryption lab. */
export class EncryptionManager {
  readonly createCustomerManagedKey: Bound<'createCustomerManagedKey'>;
  readonly encryptExistingVolumes: Bound<'encryptVolumes'>;
  readonly encryptSnapshots: Bound<'encryptSnapshots'>;
  readonly enableEbsEncryptionByDefault: Bound<'enableEncryptionByDefault'>;

  constructor(holdfast: Holdfast) {
    this.createCustomerManagedKey = bound(holdfast, createCustomerManagedKey);
    this.encryptExistingVolumes = bound(holdfast, encryptVolumes);
    this.encryptSnapshots = bound(holdfast, encryptSnapshots);
    this.enableEbsEncryptionByDefault = bound(holdfast, enableEncryptionByDefault);
  }
}

/** The image sharing lab. */
export class CrossAccountAmiManager {
  readonly createShareableAmi: Bound<'createShareableAmi'>;
  readonly copyAmiToPartnerRegion: Bound<'copyAmiToPartnerRegion'>;

  constructor(holdfast: Holdfast) {
    this.createShareableAmi = bound(holdfast, createShareableAmi);
    this.copyAmiToPartnerRegion = bound(holdfast, copyAmiToPartnerRegion);
  }
}
