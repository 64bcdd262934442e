import { decide, type Decision, type Policy, type PolicyRequest } from '../iam/decide';
import { autoScalingRole, suffixOf } from './keyPolicy';
import type { Target } from '../target';

/** What EBS does with a key on behalf of whoever calls it: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html */
export const EBS_OPERATIONS = [
  'CreateGrant',
  'GenerateDataKeyWithoutPlaintext',
  'Decrypt',
  'DescribeKey',
  'ReEncryptFrom',
  'ReEncryptTo',
] as const;
export type EbsOperation = (typeof EBS_OPERATIONS)[number];

/** `perhaps` where IAM policies decide too, or something is asked that cannot be known here. */
type Verdict = 'yes' | 'perhaps' | 'no';

interface User {
  target: Target;
  /** Of the key: IAM policies of another account are always asked as well. */
  keyAccountId: string;
  /** Undefined for credentials of their own, whose name is not known. */
  roleArn?: string;
}

/**
 * Whether a key's policy lets EBS work with it on behalf of a role. A call of the role's own cannot tell: keys are
 * commonly opened to EC2 alone (`kms:ViaService`), or to grants for AWS's resources alone (`kms:GrantIsForAWSResource`)
 * (https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
 */
export function ebsMayUse(policy: Policy, operation: EbsOperation, user: User): Verdict {
  const { target, keyAccountId, roleArn } = user;
  const decision = decide(policy, ebsRequest(operation, target, roleArn === undefined ? [] : [roleArn]));
  if (decision === 'allow') return keyAccountId === target.accountId ? 'yes' : 'perhaps';
  return VERDICT[decision];
}

const VERDICT: Readonly<Record<Exclude<Decision, 'allow'>, Verdict>> = {
  account: 'perhaps',
  unknown: 'perhaps',
  deny: 'no',
  silent: 'no',
};

/**
 * Whether Auto Scaling can start instances on volumes under a key with this policy: it needs a statement of its own,
 * for its role has no IAM policy for keys (https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html).
 */
export function autoScalingMayUse(policy: Policy, target: Target): Verdict {
  const decision = decide(policy, ebsRequest('CreateGrant', target, [autoScalingRole(target)]));
  if (decision === 'unknown') return 'perhaps';
  return decision === 'allow' ? 'yes' : 'no';
}

/**
 * What EBS asks of KMS on behalf of a role or user.
 *
 * @param arns of the role or user, and of the session where it is known; none where nobody knows who it is
 */
export function ebsRequest(
  operation: EbsOperation,
  target: Target,
  arns: readonly string[],
): PolicyRequest & { context: Record<string, string | null | undefined> } {
  const { accountId, region } = target;
  return {
    action: `kms:${operation}`,
    principal: { accountId, arns },
    context: {
      // EBS names it for grants only.
      'kms:grantisforawsresource': operation === 'CreateGrant' ? 'true' : null,
      'kms:viaservice': `ec2.${region}.${suffixOf(region)}`,
      'kms:calleraccount': accountId,
      'aws:principalarn': arns[0],
      'aws:principalaccount': accountId,
      'aws:requestedregion': region,
    },
  };
}
