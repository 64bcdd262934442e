/** `1 machine`, `2 machines`; `by itself` and `by themselves` go with them. */
export function count(number: number, what: string, plural = `${what}s`): string {
  return `${number} ${number === 1 ? what : plural}`;
}

/** What there is of these, without what there is none of: `2 instances and 1 volume by itself`. */
export function counts(...each: readonly [number: number, what: string, plural?: string][]): string {
  const there = each.filter(([number]) => number > 0).map((args) => count(...args));
  return there.join(' and ') || 'nothing';
}
