import type { Target } from '../target';

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
 * What takes care of a key, without using it. Grants are among it: who may make them answers for whom they let in.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
 */
const ADMINISTER = [
  ...['Describe*', 'Get*', 'List*', 'Put*', 'Update*', 'Enable*', 'Disable*', 'CreateAlias', 'DeleteAlias'],
  ...['TagResource', 'UntagResource', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'RotateKeyOnDemand'],
  ...['ReplicateKey', 'UpdatePrimaryRegion', 'CreateGrant', 'RevokeGrant', 'RetireGrant'],
].map((action) => `kms:${action}`);

/**
 * Policy of a key for EBS. IAM policies of the account decide who administers it, and they cannot open it: it is used
 * through EC2 only. There, as with AWS's own `aws/ebs`, by whoever may use EBS in the account, also services that no key
 * administrator ever heard of; or by the roles that are named, and Auto Scaling.
 */
export function keyPolicy(
  target: Target,
  partnerAccounts: readonly string[] = [],
  users?: readonly string[],
): KeyPolicy {
  const { accountId, region } = target;
  const own = [allow(SID.account, rootOf(region, accountId), ADMINISTER)];
  const policy = withUsers({ Version: '2012-10-17', Statement: own }, target, users);
  return withPartners(policy, target, partnerAccounts);
}

/** The policy with exactly these roles as users through EC2, or everybody of the account; what else it says stays. */
export function withUsers(policy: KeyPolicy, target: Target, users?: readonly string[]): KeyPolicy {
  const { accountId, region } = target;
  const condition = {
    StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': `ec2.${region}.${suffixOf(region)}` },
    // By condition: a policy that names a role as principal is refused where the role does not exist yet.
    ...(users && {
      ArnLike: { 'aws:PrincipalArn': [...users, autoScalingRole(target)].sort() },
    }),
  };
  const others = policy.Statement.filter(({ Sid }) => Sid !== SID.use && Sid !== SID.grants);
  const at = others.findIndex(({ Sid }) => PARTNER_SIDS.includes(Sid ?? ''));
  const [before, after] = at < 0 ? [others, []] : [others.slice(0, at), others.slice(at)];
  return {
    ...policy,
    Statement: [
      ...before,
      allow(SID.use, '*', [...USE, 'kms:DescribeKey'], condition),
      allow(SID.grants, '*', ['kms:CreateGrant'], {
        ...condition,
        Bool: { 'kms:GrantIsForAWSResource': 'true' },
      }),
      ...after,
    ],
  };
}

export function parseKeyPolicy(text: string | undefined): KeyPolicy {
  const policy = JSON.parse(text ?? '{}') as Partial<KeyPolicy>;
  return { Version: policy.Version ?? '2012-10-17', Statement: [policy.Statement ?? []].flat() };
}

/** The roles that the policy names as users; undefined where it names none, so that all of the account are. */
export function usersOf(policy: KeyPolicy, target: Target): string[] | undefined {
  const use = policy.Statement.find(({ Sid }) => Sid === SID.use);
  const { ArnLike } = (use?.Condition ?? {}) as { ArnLike?: Record<string, string | string[]> };
  const named = ArnLike?.['aws:PrincipalArn'];
  return named === undefined ? undefined : [named].flat().filter((arn) => arn !== autoScalingRole(target));
}

/** https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html */
export function autoScalingRole({ accountId, region }: Target): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`;
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
  return partnersIn(policy.Statement.find(({ Sid }) => Sid === SID.partnerUse));
}

function partnersIn(statement: Statement | undefined): string[] {
  const principals = (statement?.Principal as { AWS?: string | string[] } | undefined)?.AWS ?? [];
  return [principals].flat().map((principal) => /\d{12}/.exec(principal)?.[0] ?? principal);
}

/** Whether a statement is one of {@link withPartners}, word for word. */
export function isPartnerStatement(statement: Statement, target: Target): boolean {
  if (!PARTNER_SIDS.includes(statement.Sid ?? '')) return false;
  const partners = partnersIn(statement);
  const { Statement: written } = withPartners({ Version: '', Statement: [] }, target, partners);
  return written.some((each) => isSame(each, statement));
}

/** Whether two policies say the same; KMS gives a list of one back as a string, and lists in an order of its own. */
export function isSamePolicy(one: KeyPolicy, other: KeyPolicy): boolean {
  return isSame(one.Statement, other.Statement);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(normalized(one)) === JSON.stringify(normalized(other));
}

function normalized(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(normalized);
    if (items.length === 1) return items[0];
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, each]) => [key, normalized(each)]));
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

export function suffixOf(region: string): string {
  return partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
}
