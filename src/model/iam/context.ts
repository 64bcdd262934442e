/**
 * Of one condition key: a value, several, `null` where the request is known not to have the key; left out or undefined
 * where nobody here knows.
 */
export type ContextValue = string | readonly string[] | null | undefined;

/** Condition keys by name, in any case: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html */
export type RequestContext = Readonly<Record<string, ContextValue>>;

export function valueIn(context: RequestContext, key: string): ContextValue {
  const name = key.toLowerCase();
  return Object.entries(context).find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Elements of policies are texts or lists of them; KMS and IAM write a list of one as a text. */
export function textsOf(value: unknown): string[] {
  return (value === undefined || value === null ? [] : [value].flat()).map(String);
}
