import type { ApplicationFailure } from '@temporalio/common';
import type { KeyMetadata } from '@aws-sdk/client-kms';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { describeKey, whyNotHere, whyUnknown } from './names';

export { describeKey };

export interface UsableKey {
  keyId: string;
  arn: string;
  /** Keys that AWS manages (`aws/ebs`) encrypt, but nothing under them can be shared. */
  customerManaged: boolean;
}

export function keyCheckActivities(deps: ActivityDeps) {
  return {
    /**
     * Finds a key by id, ARN, alias or alias ARN and checks that EBS can use it: symmetric, enabled, in this region
     * (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html). EBS itself checks late:
     * a copy under a bad key is accepted and goes to `error`.
     *
     * @throws ApplicationFailure KeyUnusable, saying why
     */
    async requireUsableKey({ target, kmsKeyId }: { target: Target; kmsKeyId: string }): Promise<UsableKey> {
      return requireUsableKey(deps, target, kmsKeyId);
    },
  };
}

/** @throws ApplicationFailure KeyUnusable, saying why */
export async function requireUsableKey(
  { aws }: ActivityDeps,
  target: Target,
  kmsKeyId: string,
): Promise<UsableKey> {
  const notHere = await whyNotHere(aws, target, kmsKeyId);
  if (notHere) throw keyUnusable(target, kmsKeyId, notHere);
  const key = await describeKey(aws.kms(target, 'read'), kmsKeyId);
  if (!key?.KeyId || !key.Arn) throw keyUnusable(target, kmsKeyId, await whyUnknown(aws, target, kmsKeyId));
  const problem = whyUnusable(key, target);
  if (problem) throw keyUnusable(target, kmsKeyId, problem);
  return { keyId: key.KeyId, arn: key.Arn, customerManaged: key.KeyManager === 'CUSTOMER' };
}

export function keyUnusable(target: Target, kmsKeyId: string, why: string): ApplicationFailure {
  return finalFailure(FAILURE.keyUnusable, `kmsKeyId ${kmsKeyId} in ${targetKey(target)}: ${why}`);
}

/** Undefined when EBS can use the key. */
export function whyUnusable(key: KeyMetadata, target: Target): string | undefined {
  if (key.Arn?.split(':')[3] !== target.region) return 'the key is in another region; use one of this region';
  if (key.KeyState !== 'Enabled')
    return `the key is ${key.KeyState}; enable it, or cancel its deletion, first`;
  if (key.KeySpec !== 'SYMMETRIC_DEFAULT' || key.KeyUsage !== 'ENCRYPT_DECRYPT') {
    return `EBS needs a symmetric ENCRYPT_DECRYPT key, and this one is ${key.KeySpec} for ${key.KeyUsage}`;
  }
  return undefined;
}
