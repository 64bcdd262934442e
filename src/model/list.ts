/** Lists in results and failure details hold at most this many entries. */
export const MAX_LISTED = 100;

/** A list that says when it does not hold everything. The whole is found by tag and by the `progress` query. */
export interface Listed<T> {
  items: T[];
  total: number;
  truncated: boolean;
}

export function listed<T>(items: readonly T[], total: number = items.length): Listed<T> {
  const shown = items.slice(0, MAX_LISTED);
  return { items: shown, total, truncated: total > shown.length };
}

/** The list with these at its end; what there is no room for is counted. */
export function and<T>({ items, total }: Listed<T>, more: readonly T[], count = more.length): Listed<T> {
  const room = Math.max(0, MAX_LISTED - items.length);
  return listed([...items, ...more.slice(0, room)], total + count);
}
