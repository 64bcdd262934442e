import { textsOf, valueIn, type ContextValue, type RequestContext } from './context';
import { operatorOf, type Operator } from './operators';
import { allOf, anyOf, not, type Truth } from './truth';

/** One key under one operator. */
export interface Clause {
  set?: 'ForAllValues' | 'ForAnyValue';
  /** Without set and suffix. */
  operator: string;
  ifExists: boolean;
  key: string;
  wanted: string[];
}

/** The clauses of a `Condition`; all of them have to hold. */
export function clausesOf(condition: unknown): Clause[] {
  const operators = Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>);
  return operators.flatMap(([name, keys]) => {
    const [, set, operator = '', ifExists] =
      /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(name) ?? [];
    return Object.entries(keys).map(([key, wanted]) => ({
      ...(set !== undefined && { set: set as Clause['set'] }),
      operator,
      ifExists: ifExists !== undefined,
      key,
      wanted: textsOf(wanted),
    }));
  });
}

/**
 * Whether the `Condition` of a statement holds: clauses and keys are joined by AND, the values of a clause by OR, those
 * of a negated operator by NOR.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
 *
 * @param version of the policy: before 2012-10-17 variables are text
 */
export function conditionHolds(condition: unknown, context: RequestContext, version: string): Truth {
  const variables = version === '2012-10-17' ? context : undefined;
  return allOf(
    clausesOf(condition).map((clause) => clauseHolds(clause, valueIn(context, clause.key), variables)),
  );
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
function clauseHolds(clause: Clause, value: ContextValue, variables: RequestContext | undefined): Truth {
  if (value === undefined) return 'unknown';
  const values = value === null ? [] : [value].flat();
  if (clause.operator === 'Null') return isNull(clause, values);
  const operator = operatorOf(clause.operator);
  if (!operator) return 'unknown';
  const holds = values.map((each) => valueHolds(each, clause, operator, variables));
  return clause.set ? setHolds(clause, values, holds) : oneHolds(clause, operator, holds);
}

function valueHolds(
  value: string,
  { wanted }: Clause,
  { compare, negated }: Operator,
  variables: RequestContext | undefined,
): Truth {
  const matches = anyOf(wanted.map((each) => compare(each, value, variables)));
  return negated ? not(matches) : matches;
}

/** A key with several values needs a set operator; what happens without one, no page says. */
function oneHolds({ ifExists }: Clause, { negated }: Operator, holds: readonly Truth[]): Truth {
  if (holds.length === 0) return ifExists || negated;
  return holds.length === 1 ? holds[0]! : 'unknown';
}

/**
 * Of nothing, which empty texts are too, all is true and none is any. Whether `IfExists` changes the latter, the pages
 * contradict each other.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
function setHolds({ set, ifExists }: Clause, values: readonly string[], holds: readonly Truth[]): Truth {
  const isEmpty = values.every((each) => each === '');
  if (set === 'ForAllValues') return isEmpty || allOf(holds);
  if (!isEmpty) return anyOf(holds);
  return ifExists ? 'unknown' : false;
}

/** `true` wants the key absent. It takes neither set nor suffix, and whether an empty text is a value is open. */
function isNull({ set, ifExists, wanted }: Clause, values: readonly string[]): Truth {
  if (set || ifExists || (values.length > 0 && values.every((each) => each === ''))) return 'unknown';
  return anyOf(
    wanted.map((each) => {
      const answer = each.toLowerCase();
      if (answer !== 'true' && answer !== 'false') return 'unknown';
      return (values.length === 0) === (answer === 'true');
    }),
  );
}
