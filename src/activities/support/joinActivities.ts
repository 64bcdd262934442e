type Joined<Parts extends readonly object[]> = Parts extends readonly [
  infer First,
  ...infer Others extends readonly object[],
]
  ? First & Joined<Others>
  : unknown;

/**
 * The activities that several give, as one. Histories know an activity by its name alone, so two of one name would silently be one.
 *
 * @throws Error naming those that two give, when the worker starts
 */
export function joinActivities<Parts extends readonly object[]>(parts: readonly [...Parts]): Joined<Parts> {
  const names = parts.flatMap((part) => Object.keys(part));
  const doubled = [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
  if (doubled.length > 0)
    throw new Error(
      `${doubled.join(', ')}: given by two sets of activities, of which only one would be called; give one of them another name`,
    );
  return Object.assign({}, ...parts) as Joined<Parts>;
}
