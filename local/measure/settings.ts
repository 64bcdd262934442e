import { GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, GetKeyRotationStatusCommand } from '@aws-sdk/client-kms';
import type { AwsAccount } from '../stack/awsAccounts';
import { check, type Check } from './check';

/** Encryption by default is on with the key of that alias, and the key rotates. */
export async function checkSettings(
  account: AwsAccount,
  regions: readonly string[],
  alias: string,
): Promise<Check[]> {
  const found = await Promise.all(regions.map((region) => settingsOf(account, region, alias)));
  const all = (holds: (each: (typeof found)[number]) => boolean) => found.every(holds);
  const list = (text: (each: (typeof found)[number]) => string) => found.map(text).join('; ');
  return [
    check(
      'encryption by default is on, with the key',
      all(({ enabled, isDefault }) => enabled && isDefault),
      list(
        ({ region, enabled, isDefault }) =>
          `${region} ${enabled ? 'on' : 'off'}${isDefault ? '' : ', with another key'}`,
      ),
    ),
    check(
      'the key rotates',
      all(({ rotationDays }) => rotationDays !== undefined),
      list(
        ({ region, rotationDays }) =>
          `${region} ${rotationDays === undefined ? 'never' : `every ${rotationDays} days`}`,
      ),
    ),
  ];
}

async function settingsOf(account: AwsAccount, region: string, alias: string) {
  const [byDefault, defaultKey, arn] = await Promise.all([
    account.ec2(region).send(new GetEbsEncryptionByDefaultCommand({})),
    account.ec2(region).send(new GetEbsDefaultKmsKeyIdCommand({})),
    keyArn(account, region, alias),
  ]);
  const rotation = await account.kms(region).send(new GetKeyRotationStatusCommand({ KeyId: arn }));
  const defaultArn = defaultKey.KmsKeyId ? await keyArn(account, region, defaultKey.KmsKeyId) : '';
  return {
    region,
    enabled: byDefault.EbsEncryptionByDefault ?? false,
    isDefault: defaultArn === arn,
    rotationDays: rotation.KeyRotationEnabled ? rotation.RotationPeriodInDays : undefined,
  };
}

export async function keyArn(account: AwsAccount, region: string, key: string): Promise<string> {
  const { KeyMetadata } = await account.kms(region).send(new DescribeKeyCommand({ KeyId: key }));
  return KeyMetadata?.Arn ?? '';
}
