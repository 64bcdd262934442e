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
export { OperationFailed } from './client/errors';
export { Holdfast, Operation } from './client/operations';
export type { OperationInput, OperationName, OperationOptions, OperationResult } from './client/operations';
export { FAILURE, type FailureType } from './model/failures';
export type { Listed } from './model/list';
export type { Message, MessageName } from './model/messages';
export type { FailedItem } from './model/outcome';
export type { ProgressPage, ProgressRow } from './model/progress';
export type { Target, TargetInput } from './model/target';

type Run<Name extends OperationName> = (
  holdfast: Holdfast,
  input: OperationInput<Name>,
  options?: OperationOptions,
) => Promise<OperationResult<Name>>;

function operation<Name extends OperationName>(name: Name): Run<Name> {
  return (holdfast, input, options) => holdfast.run(name, input, options);
}

export const enableEncryptionByDefault = operation('enableEncryptionByDefault');

/** The encryption lab's names. */
export class EncryptionManager {
  constructor(private readonly holdfast: Holdfast) {}

  enableEbsEncryptionByDefault(
    input: OperationInput<'enableEncryptionByDefault'>,
  ): Promise<OperationResult<'enableEncryptionByDefault'>> {
    return enableEncryptionByDefault(this.holdfast, input);
  }
}
