/** What the map has under a key that may not be known. */
export function valueAt<Value>(map: ReadonlyMap<string, Value>, key: string | undefined): Value | undefined {
  return key === undefined ? undefined : map.get(key);
}

/** Whether a set has what may not be known. */
export function has(set: ReadonlySet<string>, key: string | undefined): boolean {
  return key !== undefined && set.has(key);
}

/** The items in their order, so many at a time; no chunk where there are none. */
export function inChunks<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}

export function groupBy<Item, Key = string>(
  items: readonly Item[],
  key: (item: Item) => Key,
): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
