import { FILTER_VALUES } from './inventory';

/** As many ids as one filter takes at a time; one group of no ids, for a call without the filter, where none are given. */
export function groupsOf(ids: readonly string[] | undefined): (string[] | undefined)[] {
  if (!ids) return [undefined];
  const groups: string[][] = [];
  for (let start = 0; start < ids.length; start += FILTER_VALUES)
    groups.push(ids.slice(start, start + FILTER_VALUES));
  return groups;
}
