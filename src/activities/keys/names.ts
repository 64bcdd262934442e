import {
  DescribeKeyCommand,
  ListAliasesCommand,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { AwsClients } from '../../aws/clients';
import { isNotFound } from '../../aws/failures';
import { aliasMeant, misnamed, multiRegionId, parseKeyArn } from '../../model/keys/keyName';
import type { Target } from '../../model/target';
import { unlessUnknown } from '../support/unlessUnknown';
import { told, type Told } from '../support/known';

const MAKE_IT = 'create it with createCustomerManagedKey';

export type KnownKey = Told<KeyMetadata, 'KeyId' | 'Arn' | 'KeyState' | 'KeyManager'>;

/** Undefined when there is no such key. */
export async function describeKey(kms: KMSClient, kmsKeyId: string): Promise<KnownKey | undefined> {
  try {
    const { KeyMetadata: key } = await kms.send(new DescribeKeyCommand({ KeyId: kmsKeyId }));
    return told(key, kmsKeyId, 'KeyId', 'Arn', 'KeyState', 'KeyManager');
  } catch (error) {
    // A malformed ARN, or one of another region, names no key here either.
    if (isNotFound(error) || (error as Error).name === 'InvalidArnException') return undefined;
    throw error;
  }
}

/**
 * Why a key cannot be in a target by its name alone: a space, another partition, another region. Of another region's it
 * names the one that is meant here, where there is one.
 */
export async function whyNotHere(
  aws: AwsClients,
  target: Target,
  kmsKeyId: string,
): Promise<string | undefined> {
  const problem = misnamed(kmsKeyId, target);
  const region = parseKeyArn(kmsKeyId)?.region;
  if (problem || region === undefined || region === target.region) return problem;
  const here = await findSameHere(aws, target, kmsKeyId);
  return here
    ? `the key is in ${region}; the one for ${target.region} is ${here}`
    : `the key is in ${region}; name one in ${target.region}, or ${MAKE_IT}`;
}

/** What to do about a name that KMS does not know. */
export async function whyUnknown(aws: AwsClients, target: Target, kmsKeyId: string): Promise<string> {
  const alias = aliasMeant(kmsKeyId);
  if (alias === undefined) return `there is no such key; ${MAKE_IT}`;
  const isThere = await describeKey(aws.kms(target, 'read'), alias);
  return isThere
    ? `there is no key with this id; the alias is written ${alias}`
    : `there is no key with this id, and none with the alias ${alias}, as an alias is written; ${MAKE_IT}`;
}

/** A replica has the same id. Of other keys an alias tells, which people give alike in all regions. */
async function findSameHere(aws: AwsClients, target: Target, kmsKeyId: string): Promise<string | undefined> {
  const arn = parseKeyArn(kmsKeyId);
  if (!arn) return undefined;
  const here = aws.kms(target, 'read');
  const replica = multiRegionId(arn);
  if (replica) return (await describeIfKnown(here, replica))?.Arn;
  const aliases = arn.name.startsWith('alias/') ? [arn.name] : await listAliasesThere(aws, target, arn);
  for (const alias of aliases) if (await describeIfKnown(here, alias)) return alias;
  return undefined;
}

async function describeIfKnown(kms: KMSClient, name: string) {
  return unlessUnknown(() => describeKey(kms, name));
}

/** Of another account's key nobody here is told. */
async function listAliasesThere(
  aws: AwsClients,
  { accountId }: Target,
  arn: NonNullable<ReturnType<typeof parseKeyArn>>,
): Promise<string[]> {
  if (arn.accountId !== accountId) return [];
  const there = { accountId, region: arn.region };
  const KeyId = arn.name.replace(/^key\//, '');
  // The accounts file may not let anybody work in that region.
  const answer = await unlessUnknown(async () =>
    aws.kms(there, 'read').send(new ListAliasesCommand({ KeyId })),
  );
  return (answer?.Aliases ?? []).flatMap(({ AliasName }) => AliasName ?? []);
}
