import { isInRange } from './addresses';
import type { RequestContext } from './context';
import { matches, matchesArn, patternOf } from './pattern';
import type { Truth } from './truth';

/** One value of the policy against one of the request. */
type Compare = (wanted: string, value: string, variables: RequestContext | undefined) => Truth;

export interface Operator {
  compare: Compare;
  /** Holds for what matches none of the policy's values. */
  negated: boolean;
}

/** Undefined where IAM's page has no such operator. */
export function operatorOf(name: string): Operator | undefined {
  const positive = Object.hasOwn(NEGATED, name) ? NEGATED[name] : undefined;
  const base = positive ?? name;
  if (!Object.hasOwn(COMPARE, base)) return undefined;
  return { compare: COMPARE[base]!, negated: positive !== undefined };
}

const equal: Compare = (wanted, value, variables) =>
  matches(patternOf(wanted, { wildcards: false, variables }), value);

const equalInAnyCase: Compare = (wanted, value, variables) =>
  matches(patternOf(wanted, { wildcards: false, variables }), value, { ignoreCase: true });

const like: Compare = (wanted, value, variables) =>
  matches(patternOf(wanted, { wildcards: true, variables }), value);

const arnLike: Compare = (wanted, value, variables) =>
  matchesArn(patternOf(wanted, { wildcards: true, variables }), value);

/** What cannot be read as the operator's kind of value: the page does not say what it then does. */
function comparing<T>(
  read: (text: string) => T | undefined,
  compare: (value: T, wanted: T) => boolean,
): Compare {
  return (wanted, value) => {
    const [one, other] = [read(value), read(wanted)];
    return one === undefined || other === undefined ? 'unknown' : compare(one, other);
  };
}

function numberOf(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : undefined;
}

/** https://www.w3.org/TR/NOTE-datetime */
const DATE = /^\d{4}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?$/;

/** Milliseconds of a date, or of seconds since 1970. Four digits may be either a year or seconds. */
function timeOf(text: string): number | undefined {
  if (/^\d{5,}$/.test(text)) return Number(text) * 1000;
  const ms = DATE.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** In the one form that bytes have, so that equal texts are equal bytes: https://datatracker.ietf.org/doc/html/rfc4648#section-4 */
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

function base64Of(text: string): string | undefined {
  return BASE64.test(text) ? text : undefined;
}

const ordered = <T>(read: (text: string) => T | undefined, kind: string): Record<string, Compare> => ({
  [`${kind}Equals`]: comparing(read, (value, wanted) => value === wanted),
  [`${kind}LessThan`]: comparing(read, (value, wanted) => value < wanted),
  [`${kind}LessThanEquals`]: comparing(read, (value, wanted) => value <= wanted),
  [`${kind}GreaterThan`]: comparing(read, (value, wanted) => value > wanted),
  [`${kind}GreaterThanEquals`]: comparing(read, (value, wanted) => value >= wanted),
});

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const COMPARE: Readonly<Record<string, Compare>> = {
  StringEquals: equal,
  StringEqualsIgnoreCase: equalInAnyCase,
  StringLike: like,
  ...ordered(numberOf, 'Numeric'),
  ...ordered(timeOf, 'Date'),
  Bool: equalInAnyCase,
  BinaryEquals: comparing(base64Of, (value, wanted) => value === wanted),
  IpAddress: (wanted, value) => isInRange(wanted, value) ?? 'unknown',
  ArnEquals: arnLike,
  ArnLike: arnLike,
};

const NEGATED: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
  NotIpAddress: 'IpAddress',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
};
