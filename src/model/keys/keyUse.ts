import { partitionOf, rootOf, type KeyPolicy } from './keyPolicy';
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
export function ebsMayUse(policy: KeyPolicy, operation: EbsOperation, user: User): Verdict {
  const about = policy.Statement.filter((statement) => concerns(statement, `kms:${operation}`));
  const context = contextOf(operation, user);
  const verdicts = (effect: string) =>
    about
      .filter(({ Effect }) => Effect === effect)
      .map((statement) =>
        least(principalIs(statement, user, effect), conditionHolds(statement.Condition, context)),
      );
  const denies = most(verdicts('Deny'));
  if (denies === 'yes') return 'no';
  const allows = most(verdicts('Allow'));
  return denies === 'perhaps' ? least(allows, 'perhaps') : allows;
}

type Statement = KeyPolicy['Statement'][number];
type Context = Record<string, string | undefined>;

const ORDER: readonly Verdict[] = ['no', 'perhaps', 'yes'];

function least(...verdicts: Verdict[]): Verdict {
  return ORDER.find((each) => verdicts.includes(each)) ?? 'yes';
}

function most(verdicts: readonly Verdict[]): Verdict {
  return ORDER.findLast((each) => verdicts.includes(each)) ?? 'no';
}

function concerns({ Action, NotAction }: Statement, action: string): boolean {
  const matches = (patterns: unknown) => textsOf(patterns).some((pattern) => like(pattern, action, 'i'));
  return NotAction === undefined ? matches(Action) : !matches(NotAction);
}

/** An account that is allowed something passes it on by IAM policies; one that is denied it, is as a whole. */
function principalIs({ Principal }: Statement, user: User, effect: string): Verdict {
  if (Principal === undefined) return 'perhaps';
  const named = typeof Principal === 'string' ? [Principal] : textsOf((Principal as { AWS?: unknown }).AWS);
  return most(named.map((name) => nameIs(name, user, effect)));
}

function nameIs(name: string, { target, keyAccountId, roleArn }: User, effect: string): Verdict {
  const { accountId, region } = target;
  const atHome: Verdict = keyAccountId === accountId || effect === 'Deny' ? 'yes' : 'perhaps';
  if (name === '*' || name === roleArn) return atHome;
  if (name === accountId || name === rootOf(region, accountId)) return effect === 'Deny' ? 'yes' : 'perhaps';
  const isOfAccount = name.split(':')[4] === accountId;
  const isSession = name.includes(':assumed-role/');
  return isOfAccount && (roleArn === undefined || isSession) ? 'perhaps' : 'no';
}

/** Condition keys in lower case, for a call that EBS makes on behalf of the role; `undefined` is not known. */
function contextOf(operation: EbsOperation, { target, roleArn }: User): Context {
  const { accountId, region } = target;
  const suffix = partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    'kms:calleraccount': accountId,
    'kms:viaservice': `ec2.${region}.${suffix}`,
    'aws:principalaccount': accountId,
    'aws:principalarn': roleArn,
    'aws:requestedregion': region,
    ...(operation === 'CreateGrant' && { 'kms:grantisforawsresource': 'true' }),
  };
}

function conditionHolds(condition: unknown, context: Context): Verdict {
  const operators = Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>);
  return least(
    ...operators.flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, wanted]) => keyHolds(operator, key.toLowerCase(), wanted, context)),
    ),
  );
}

/** Known not to be there: EBS names it for grants only. */
const ABSENT_BUT_FOR_GRANTS = 'kms:grantisforawsresource';

function keyHolds(operator: string, key: string, wanted: unknown, context: Context): Verdict {
  const match = /^(String|Arn)(Not)?(Equals|Like|EqualsIgnoreCase)(IfExists)?$|^(Bool)(IfExists)?$/.exec(
    operator,
  );
  if (!match) return 'perhaps';
  const [, , not, , ifExists, bool, boolIfExists] = match;
  const value = context[key];
  if (value === undefined) {
    if (key !== ABSENT_BUT_FOR_GRANTS) return 'perhaps';
    return ifExists || boolIfExists || not ? 'yes' : 'no';
  }
  const flags = bool || operator.includes('IgnoreCase') ? 'i' : '';
  const isPattern = operator.includes('Like') || operator.startsWith('Arn');
  const matches = textsOf(wanted).some((each) =>
    isPattern ? like(each, value, flags) : like(escaped(each), value, flags),
  );
  return matches === !not ? 'yes' : 'no';
}

function textsOf(value: unknown): string[] {
  return (value === undefined ? [] : [value].flat()).map(String);
}

/** `*` and `?` as in policies. */
function like(pattern: string, text: string, flags = ''): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]]/g, '\\$&')
    .replace(/(?<!\\)\*/g, '.*')
    .replace(/(?<!\\)\?/g, '.');
  return new RegExp(`^${expression}$`, flags).test(text);
}

function escaped(text: string): string {
  return text.replace(/[*?]/g, '\\$&');
}
