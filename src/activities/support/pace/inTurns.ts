/** So many calls of one activity at once are within the rate of every API that it asks, and end within its timeout. */
export const CALLS_AT_ONCE = 5;

/**
 * Works on all items, so many at a time; one that fails holds no other up.
 *
 * @returns what came of each, in the order of the items
 * @throws what the first one failed with, when all others are over: nothing goes on behind a retry
 */
export async function workInTurns<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const left = [...items.entries()];
  const results: Result[] = [];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, item] = next;
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
