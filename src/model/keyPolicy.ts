import type { Target } from './target';

interface Statement {
  Sid?: string;
  [element: string]: unknown;
}

export interface KeyPolicy {
  Version: string;
  Statement: Statement[];
}

const SID = {
  account: 'Allow the account to manage access with IAM policies',
  use: 'Allow EBS to use the key for principals of this account',
  grants: 'Allow EBS to keep using the key for their volumes',
  partnerLook: 'Allow partner accounts to look at the key',
  partnerUse: 'Allow partner accounts to use the key through EC2',
  partnerGrants: 'Allow partner accounts to attach volumes under the key',
} as const;

const PARTNER_SIDS: readonly string[] = [SID.partnerLook, SID.partnerUse, SID.partnerGrants];

/** What EBS does with a key (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html). */
const USE = [
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:GenerateDataKeyWithoutPlaintext',
];

/** What using a shared snapshot takes (https://docs.aws.amazon.com/ebs/latest/userguide/share-kms-key.html). */
const PARTNER_USE = USE.filter((action) => action !== 'kms:Encrypt');

/**
 * Policy of a key for EBS. Whoever may use EBS in the account may use the key through it, as with AWS's own
 * `aws/ebs`: so whoever starts an instance can, also people and services that no key administrator ever heard of.
 * Outside EC2 the key can be used and managed only as IAM policies of the account allow.
 */
export function keyPolicy(target: Target, partnerAccounts: readonly string[] = []): KeyPolicy {
  const { accountId, region } = target;
  const throughEc2 = {
    'kms:CallerAccount': accountId,
    'kms:ViaService': `ec2.${region}.${suffixOf(region)}`,
  };
  const own: Statement[] = [
    allow(SID.account, rootOf(region, accountId), ['kms:*']),
    allow(SID.use, '*', [...USE, 'kms:DescribeKey'], { StringEquals: throughEc2 }),
    allow(SID.grants, '*', ['kms:CreateGrant'], {
      StringEquals: throughEc2,
      Bool: { 'kms:GrantIsForAWSResource': 'true' },
    }),
  ];
  return withPartners({ Version: '2012-10-17', Statement: own }, target, partnerAccounts);
}

/**
 * The policy with exactly these partners; what else it says stays. Partners' accounts still allow their own roles
 * with IAM policies; the key alone opens nothing to anybody there.
 */
export function withPartners(
  policy: KeyPolicy,
  { region }: Target,
  partnerAccounts: readonly string[],
): KeyPolicy {
  const kept = policy.Statement.filter(({ Sid }) => !PARTNER_SIDS.includes(Sid ?? ''));
  if (partnerAccounts.length === 0) return { ...policy, Statement: kept };
  const partners = [...partnerAccounts].sort().map((account) => rootOf(region, account));
  const throughEc2 = { 'kms:ViaService': `ec2.*.${suffixOf(region)}` };
  return {
    ...policy,
    Statement: [
      ...kept,
      allow(SID.partnerLook, partners, ['kms:DescribeKey']),
      allow(SID.partnerUse, partners, PARTNER_USE, { StringLike: throughEc2 }),
      allow(SID.partnerGrants, partners, ['kms:CreateGrant'], {
        StringLike: throughEc2,
        Bool: { 'kms:GrantIsForAWSResource': 'true' },
      }),
    ],
  };
}

/** Account ids that the policy names as partners. KMS may give a list of one back as a string. */
export function partnersOf(policy: KeyPolicy): string[] {
  const use = policy.Statement.find(({ Sid }) => Sid === SID.partnerUse);
  const principals = (use?.Principal as { AWS?: string | string[] } | undefined)?.AWS ?? [];
  return [principals].flat().map((principal) => /\d{12}/.exec(principal)?.[0] ?? principal);
}

function allow(
  Sid: string,
  principal: string | string[],
  Action: string[],
  Condition?: Record<string, unknown>,
): Statement {
  return {
    Sid,
    Effect: 'Allow',
    Principal: { AWS: principal },
    Action,
    Resource: '*',
    ...(Condition && { Condition }),
  };
}

/** The principal that stands for a whole account. */
export function rootOf(region: string, accountId: string): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:root`;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function suffixOf(region: string): string {
  return partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
}
