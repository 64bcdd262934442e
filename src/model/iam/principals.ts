import { textsOf } from './context';
import type { Truth } from './truth';

export interface Principal {
  accountId: string;
  /** The user's ARN, or the role's and, where it is known, that of its session. None where they are not known. */
  arns: readonly string[];
}

/** `account`: the account as a whole is named, which leaves the rest to its IAM policies. */
type Naming = 'self' | 'account' | 'unknown' | 'other';

export interface Addressed {
  /** Whether the statement is addressed to the principal, or to its account. */
  is: Truth;
  /** Only through its account. */
  asAccount: boolean;
}

interface Statement {
  Effect?: unknown;
  Principal?: unknown;
  NotPrincipal?: unknown;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html */
export function addressedTo(statement: Statement, principal: Principal): Addressed {
  if (statement.NotPrincipal !== undefined)
    return { is: isNotExcepted(statement, principal), asAccount: false };
  // A policy of a resource has to have it.
  if (statement.Principal === undefined) return { is: 'unknown', asAccount: false };
  const namings = namesIn(statement.Principal).map((name) => namingOf(name, principal));
  if (namings.includes('self')) return { is: true, asAccount: false };
  if (namings.includes('account')) return { is: true, asAccount: true };
  return { is: namings.includes('unknown') ? 'unknown' : false, asAccount: false };
}

/**
 * Excepted for certain is who is named together with its account: without the account AWS may deny all of it. With
 * Allow it is not supported.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
 */
function isNotExcepted({ Effect, NotPrincipal }: Statement, principal: Principal): Truth {
  const names = namesIn(NotPrincipal);
  const namings = names.map((name) => namingOf(name, principal));
  if (names.includes('*') || (namings.includes('self') && namings.includes('account'))) return false;
  return Effect === 'Deny' && namings.every((each) => each === 'other') ? true : 'unknown';
}

function namesIn(element: unknown): string[] {
  return typeof element === 'string'
    ? [element]
    : textsOf((element as { AWS?: unknown } | null | undefined)?.AWS);
}

/** A name is whole, or `*` for everybody: parts of it are not matched by wildcards. */
function namingOf(name: string, { accountId, arns }: Principal): Naming {
  if (name === '*' || arns.includes(name)) return 'self';
  if (name === accountId || name.endsWith(`:iam::${accountId}:root`)) return 'account';
  if (name.split(':')[4] !== accountId) return 'other';
  return arns.length === 0 || isUnknownSession(name, arns) ? 'unknown' : 'other';
}

/** A session of the role, where nobody knows which the request is of. */
function isUnknownSession(name: string, arns: readonly string[]): boolean {
  const role = /:assumed-role\/([^/]+)\//.exec(name)?.[1];
  if (role === undefined || arns.some((arn) => arn.includes(':assumed-role/'))) return false;
  return arns.some((arn) => arn.includes(':role/') && arn.endsWith(`/${role}`));
}
