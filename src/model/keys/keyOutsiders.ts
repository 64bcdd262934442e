import { clausesOf } from '../iam/conditions';
import { textsOf } from '../iam/context';
import { isPartnerStatement, type KeyPolicy } from './keyPolicy';
import type { Target } from '../target';

/** Somebody outside of a key's account who may do something with the key. */
export interface Outsider {
  /** As the policy or the grant names it: an ARN, an account id, or `*`. */
  principal: string;
  /** Undefined where it names no account. */
  accountId?: string;
  /** Actions of the policy, or operations of the grant. */
  may: string[];
  by: 'policy' | 'grant';
  /** As Holdfast opens a key to a partner: through EC2 only, and nothing but what EBS needs. */
  asPartner: boolean;
}

/** A grant, in KMS's own words. */
export interface Grant {
  GranteePrincipal?: string;
  IssuingAccount?: string;
  Operations?: string[];
}

/**
 * Whom a key policy lets in that is not of the key's account. What a Deny takes away again is not weighed: better one
 * named too many (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html).
 */
export function outsidersByPolicy(policy: KeyPolicy, target: Target): Outsider[] {
  return policy.Statement.filter(({ Effect }) => Effect === 'Allow').flatMap((statement) => {
    if (isOwn(statement.Condition, target.accountId)) return [];
    const may = textsOf(statement.Action ?? `all but ${textsOf(statement.NotAction).join(', ')}`);
    const asPartner = isPartnerStatement(statement, target);
    return principalsOf(statement)
      .filter((principal) => accountOf(principal) !== target.accountId)
      .map((principal) => outsider(principal, may, 'policy', asPartner));
  });
}

/** Grantees of other accounts, and grants that another account made: a new key policy leaves them as they are. */
export function outsidersByGrant(grants: readonly Grant[], { accountId }: Target): Outsider[] {
  return grants
    .filter(
      ({ GranteePrincipal = '', IssuingAccount = '' }) =>
        !isService(GranteePrincipal) &&
        (accountOf(GranteePrincipal) !== accountId || (accountOf(IssuingAccount) ?? accountId) !== accountId),
    )
    .map(({ GranteePrincipal = '', Operations = [] }) =>
      outsider(GranteePrincipal, Operations, 'grant', false),
    );
}

const MOST_NAMED = 10;

/** For people; undefined where nobody else is let in than the partners that were asked for. */
export function outsideAccessWarning(
  name: string,
  { outsiders = [], grantsNotRead }: { outsiders?: readonly Outsider[]; grantsNotRead?: string },
  partnerAccounts: readonly string[] = [],
): string | undefined {
  const unknown = grantsNotRead && `Whom grants let use ${name} is not known: ${grantsNotRead}`;
  const told = [outsidersSentence(name, outsiders, partnerAccounts), unknown].filter(Boolean);
  return told.length > 0 ? told.join('. ') : undefined;
}

function outsidersSentence(
  name: string,
  outsiders: readonly Outsider[],
  partnerAccounts: readonly string[],
): string | undefined {
  const others = outsiders.filter(
    ({ asPartner, accountId = '' }) => !(asPartner && partnerAccounts.includes(accountId)),
  );
  if (others.length === 0) return undefined;
  const named = others
    .slice(0, MOST_NAMED)
    .map(
      ({ principal, may, by }) =>
        `${principal} (${may.slice(0, 3).join(', ')}${may.length > 3 ? ', …' : ''}, by ${by === 'grant' ? 'a grant' : 'its key policy'})`,
    );
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  return `${name} lets in others than its own account: ${named.join('; ')}${more}. Take that back where nobody means it: whatever is encrypted under the key is open to them`;
}

function outsider(principal: string, may: string[], by: Outsider['by'], asPartner: boolean): Outsider {
  const accountId = accountOf(principal);
  return { principal, ...(accountId && { accountId }), may, by, asPartner };
}

function principalsOf({ Principal, NotPrincipal }: KeyPolicy['Statement'][number]): string[] {
  if (NotPrincipal !== undefined) return ['* (all but some)'];
  if (typeof Principal === 'string') return [Principal];
  const { AWS, Federated } = (Principal ?? {}) as Record<string, string | string[] | undefined>;
  return [...textsOf(AWS), ...textsOf(Federated)];
}

/** Whether a statement lets in nobody but the account, whomever it names. */
function isOwn(condition: unknown, accountId: string): boolean {
  return clausesOf(condition).some(
    ({ set, operator, ifExists, key, wanted }) =>
      !set &&
      !ifExists &&
      operator === 'StringEquals' &&
      ['kms:calleraccount', 'aws:principalaccount'].includes(key.toLowerCase()) &&
      wanted.length > 0 &&
      wanted.every((value) => value === accountId),
  );
}

/** Services act for whoever asks them; EBS's own grants name roles of the account. */
function isService(principal: string): boolean {
  return /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(principal);
}

function accountOf(principal: string): string | undefined {
  return /^(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.*)?$/.exec(principal)?.[1];
}
