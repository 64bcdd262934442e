import type { KeyPolicy } from './keyPolicy';

/** Who would ask KMS, and what. */
export interface KeyRequest {
  action: string;
  /** Account that the principal is of. */
  accountId: string;
  /** The role's ARN and a session's, or the user's. */
  arns: readonly string[];
  /** Condition keys by name, in lower case. */
  context: Readonly<Record<string, string>>;
}

/**
 * What a key's policy says: `account` where it leaves the decision to the account's IAM policies, `unknown` where that
 * hangs on a condition key whose value nobody knows here.
 */
export type KeyDecision = 'deny' | 'allow' | 'account' | 'unknown' | 'silent';

type Truth = boolean | 'unknown';
type Values = string | boolean | (string | boolean)[];

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
export function decideByKeyPolicy(policy: KeyPolicy, request: KeyRequest): KeyDecision {
  const found = new Set(policy.Statement.map((statement) => effectOf(statement, request)));
  const order: KeyDecision[] = ['deny', 'unknown', 'allow', 'account'];
  // A statement that may deny outweighs one that allows; one that may allow does not matter beside one that does.
  const decision = order.find((each) => found.has(each)) ?? 'silent';
  const mayDeny = policy.Statement.some(
    (statement) => statement.Effect === 'Deny' && effectOf(statement, request) === 'unknown',
  );
  if (decision !== 'unknown' || mayDeny) return decision;
  return found.has('allow') ? 'allow' : found.has('account') ? 'account' : 'unknown';
}

function effectOf(statement: KeyPolicy['Statement'][number], request: KeyRequest): KeyDecision {
  const named = namedIn(statement, request);
  if (!named || !isAbout(statement, request.action)) return 'silent';
  const holds = conditionsHold(statement.Condition as Conditions | undefined, request);
  if (holds !== true) return holds ? 'unknown' : 'silent';
  return statement.Effect === 'Deny' ? 'deny' : named;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html */
function namedIn(
  { Principal, NotPrincipal }: KeyPolicy['Statement'][number],
  request: KeyRequest,
): 'allow' | 'account' | undefined {
  const match = (name: string): 'allow' | 'account' | undefined => {
    if (name === '*' || request.arns.includes(name)) return 'allow';
    const isAccount = name === request.accountId || name.endsWith(`:iam::${request.accountId}:root`);
    return isAccount ? 'account' : undefined;
  };
  if (NotPrincipal !== undefined) return namesIn(NotPrincipal).some(match) ? undefined : 'allow';
  const matches = namesIn(Principal).map(match);
  return matches.includes('allow') ? 'allow' : matches.find((each) => each !== undefined);
}

function namesIn(principal: unknown): string[] {
  if (typeof principal === 'string') return [principal];
  return listOf((principal as { AWS?: Values } | undefined)?.AWS);
}

function isAbout({ Action, NotAction }: KeyPolicy['Statement'][number], action: string): boolean {
  const matches = (patterns: unknown) =>
    listOf(patterns as Values).some((pattern) => like(pattern.toLowerCase(), action.toLowerCase()));
  return NotAction === undefined ? matches(Action) : !matches(NotAction);
}

type Conditions = Record<string, Record<string, Values>>;

function conditionsHold(conditions: Conditions = {}, { context }: KeyRequest): Truth {
  const results = Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) =>
      conditionHolds(operator, context[key.toLowerCase()], listOf(wanted)),
    ),
  );
  if (results.includes(false)) return false;
  return results.includes('unknown') ? 'unknown' : true;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
function conditionHolds(operator: string, value: string | undefined, wanted: string[]): Truth {
  if (value === undefined || operator.startsWith('For')) return 'unknown';
  if (operator === 'Null') return wanted.includes('false');
  const plain = operator.replace(/IfExists$/, '');
  const compare = COMPARE[plain.replace('Not', '')];
  if (!compare) return 'unknown';
  return wanted.some((each) => compare(each, value)) !== plain.includes('Not');
}

const same = (wanted: string, value: string): boolean => wanted === value;
const sameInAnyCase = (wanted: string, value: string): boolean =>
  wanted.toLowerCase() === value.toLowerCase();

const COMPARE: Record<string, ((wanted: string, value: string) => boolean) | undefined> = {
  StringEquals: same,
  StringEqualsIgnoreCase: sameInAnyCase,
  Bool: sameInAnyCase,
  StringLike: like,
  ArnLike: like,
  ArnEquals: like,
};

/** `*` and `?`, as in policies. */
function like(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
}

function listOf(values: Values | undefined): string[] {
  return values === undefined ? [] : [values].flat().map(String);
}
