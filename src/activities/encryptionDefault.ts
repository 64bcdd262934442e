import {
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
} from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { encryptsUnder, type EncryptionDefault } from '../model/encryptionDefault';
import { FAILURE } from '../model/failures';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';

/** Account attributes for EBS encryption: https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html */
export function encryptionDefaultActivities({ aws }: ActivityDeps) {
  const readEncryptionDefault = async ({ target }: { target: Target }): Promise<EncryptionDefault> => {
    const ec2 = aws.ec2(target, 'read');
    const { EbsEncryptionByDefault } = await ec2.send(new GetEbsEncryptionByDefaultCommand({}));
    const { KmsKeyId } = await ec2.send(new GetEbsDefaultKmsKeyIdCommand({}));
    return { enabled: EbsEncryptionByDefault ?? false, kmsKeyId: KmsKeyId ?? '' };
  };

  return {
    readEncryptionDefault,

    /** @throws ApplicationFailure NotYetVisible, retryable, until reads show encryption under this key */
    async verifyEncryptionDefault({
      target,
      keyArn,
    }: {
      target: Target;
      keyArn: string;
    }): Promise<EncryptionDefault> {
      const found = await readEncryptionDefault({ target });
      if (encryptsUnder(found, keyArn)) return found;
      throw ApplicationFailure.retryable(
        `${targetKey(target)} does not show encryption by default under ${keyArn} yet: ${JSON.stringify(found)}`,
        FAILURE.notYetVisible,
      );
    },

    /** Sets key and switch as given; setting what is already set changes nothing. */
    async writeEncryptionDefault({
      target,
      enabled,
      kmsKeyId,
    }: { target: Target } & EncryptionDefault): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      if (kmsKeyId) await ec2.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId: kmsKeyId }));
      await ec2.send(
        enabled ? new EnableEbsEncryptionByDefaultCommand({}) : new DisableEbsEncryptionByDefaultCommand({}),
      );
    },
  };
}
