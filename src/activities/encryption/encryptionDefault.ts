import {
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
} from '@aws-sdk/client-ec2';
import { GetKeyPolicyCommand, paginateListGrants } from '@aws-sdk/client-kms';
import { notYetVisible } from '../../aws/applicationFailures';
import { showsDefault, type EncryptionDefault } from '../../model/encryption/encryptionDefault';
import { FAILURE } from '../../model/failures';
import { autoScalingRole, parseKeyPolicy } from '../../model/keys/keyPolicy';
import { autoScalingMayUse } from '../../model/keys/keyUse';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { told } from '../support/known';

/** Account attributes for EBS encryption: https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html */
export function encryptionDefaultActivities({ aws }: ActivityDeps) {
  const readEncryptionDefault = async ({ target }: { target: Target }): Promise<EncryptionDefault> => {
    const ec2 = aws.ec2(target, 'read');
    const { EbsEncryptionByDefault } = await ec2.send(new GetEbsEncryptionByDefaultCommand({}));
    const key = await ec2.send(new GetEbsDefaultKmsKeyIdCommand({}));
    const { KmsKeyId } = told(key, 'GetEbsDefaultKmsKeyId', 'KmsKeyId');
    return { enabled: EbsEncryptionByDefault ?? false, kmsKeyId: KmsKeyId };
  };

  return {
    readEncryptionDefault,

    /**
     * Why groups of Auto Scaling could not start instances once everything is encrypted under the key, or why nobody
     * knows; undefined where they can.
     */
    async autoScalingWarning({
      target,
      keyArn,
    }: {
      target: Target;
      keyArn: string;
    }): Promise<string | undefined> {
      const kms = aws.kms(target, 'read');
      const role = autoScalingRole(target);
      try {
        const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: keyArn, PolicyName: 'default' }));
        const verdict = autoScalingMayUse(parseKeyPolicy(Policy), target);
        if (verdict === 'yes') return undefined;
        for await (const { Grants = [] } of paginateListGrants(
          { client: kms },
          { KeyId: keyArn, GranteePrincipal: role },
        ))
          if (Grants.some(({ Operations = [] }) => Operations.includes('CreateGrant'))) return undefined;
        if (verdict === 'perhaps')
          return `whether Auto Scaling may use ${keyArn} hangs on conditions of its key policy that only KMS can decide`;
      } catch (error) {
        const { type, message } = failedItem(keyArn, error);
        // A key of another account tells its policy to nobody here.
        if (type !== FAILURE.accessDenied && type !== FAILURE.notFound) throw error;
        return `whether Auto Scaling may use ${keyArn} could not be asked: ${message}`;
      }
      return `Auto Scaling may not use ${keyArn}: instances of its groups would end at their start; let ${role} use the key in its policy`;
    },

    /** @throws ApplicationFailure NotYetVisible, retryable, until reads show what was set */
    async verifyEncryptionDefault({
      target,
      wanted,
    }: {
      target: Target;
      wanted: EncryptionDefault;
    }): Promise<EncryptionDefault> {
      const found = await readEncryptionDefault({ target });
      if (showsDefault(found, wanted)) return found;
      throw notYetVisible(
        `${targetKey(target)} does not show ${JSON.stringify(wanted)} yet: ${JSON.stringify(found)}`,
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
