/** What a policy says, as far as it can be known: `unknown` hangs on a value that nobody here knows, or that IAM's pages leave open. */
export type Truth = boolean | 'unknown';

export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}

export function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes('unknown') ? 'unknown' : false;
}

export function not(truth: Truth): Truth {
  return truth === 'unknown' ? truth : !truth;
}
