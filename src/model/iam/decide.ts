import { conditionHolds } from './conditions';
import { textsOf, type RequestContext } from './context';
import { matches, patternOf } from './pattern';
import { addressedTo, type Principal } from './principals';
import { allOf, anyOf, not, type Truth } from './truth';

/** As IAM and KMS give it, parsed. */
export interface Policy {
  Version: string;
  Statement: readonly Readonly<Record<string, unknown>>[];
}

export interface PolicyRequest {
  /** As in policies, `kms:Decrypt`. */
  action: string;
  /** Undefined where the policy is one of the principal's own, which names none. */
  principal?: Principal;
  /** Its ARN; undefined where the policy is the resource's own, and about nothing else. */
  resource?: string;
  context: RequestContext;
}

/**
 * What one policy says: `account` where a resource's policy leaves the decision to the policies of the account, `silent`
 * where it neither allows nor denies, `unknown` where that hangs on what nobody here knows.
 */
export type Decision = 'deny' | 'allow' | 'account' | 'unknown' | 'silent';

interface Finding {
  isDenial: boolean;
  applies: Truth;
  asAccount: boolean;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
export function decide(policy: Policy, request: PolicyRequest): Decision {
  const findings = policy.Statement.map((statement) => findingOf(statement, request, policy.Version));
  const denied = anyOf(findings.filter(({ isDenial }) => isDenial).map(({ applies }) => applies));
  if (denied === true) return 'deny';
  const allowed = whatIsAllowed(findings.filter(({ isDenial }) => !isDenial));
  // What nothing allows is not opened by a denial that does not apply.
  return denied === 'unknown' && allowed !== 'silent' ? 'unknown' : allowed;
}

/** A statement that may allow does not matter beside one that does. */
function whatIsAllowed(findings: readonly Finding[]): Decision {
  const applying = findings.filter(({ applies }) => applies === true);
  if (applying.some(({ asAccount }) => !asAccount)) return 'allow';
  if (applying.length > 0) return 'account';
  return findings.some(({ applies }) => applies === 'unknown') ? 'unknown' : 'silent';
}

function findingOf(statement: Policy['Statement'][number], request: PolicyRequest, version: string): Finding {
  const { action, principal, resource, context } = request;
  const { is, asAccount } = principal ? addressedTo(statement, principal) : { is: true, asAccount: false };
  const variables = version === '2012-10-17' ? context : undefined;
  const applies = allOf([
    is,
    concerns(statement, 'Action', (text) =>
      matches(patternOf(text, { wildcards: true }), action, { ignoreCase: true }),
    ),
    resource === undefined
      ? namesResource(statement)
      : concerns(statement, 'Resource', (text) =>
          matches(patternOf(text, { wildcards: true, variables }), resource),
        ),
    conditionHolds(statement.Condition, context, version),
  ]);
  return { isDenial: statement.Effect === 'Deny', applies, asAccount };
}

/**
 * KMS takes a statement without it, which then has no effect, whether it allows or denies.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
 */
function namesResource({ Resource, NotResource }: Policy['Statement'][number]): boolean {
  return Resource !== undefined || NotResource !== undefined;
}

/**
 * `*` goes beyond the colons of a resource's ARN.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
function concerns(
  statement: Policy['Statement'][number],
  element: 'Action' | 'Resource',
  isMatched: (text: string) => Truth,
): Truth {
  const others = statement[`Not${element}`];
  return others === undefined
    ? anyOf(textsOf(statement[element]).map(isMatched))
    : not(anyOf(textsOf(others).map(isMatched)));
}
