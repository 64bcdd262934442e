import { Pace } from '../../src/activities/support/pace/pace';

const POLL = 5_000;

describe('when to look at what is under way', () => {
  let now: number;
  const pace = () => new Pace(POLL, 6, () => now);
  beforeEach(() => (now = 0));

  /** Times of the looks until everything is complete. */
  function looks(watch: Pace, ids: string[], completeAt: number): number[] {
    const times: number[] = [];
    const startedAt = now;
    for (const id of ids) watch.recordStart(id);
    do {
      now = watch.nextLook(ids, now);
      times.push(now - startedAt);
      const isOver = now - startedAt >= completeAt;
      for (const id of ids)
        if (isOver) watch.recordCompletion(id);
        else watch.recordPending(id);
    } while (now - startedAt < completeAt);
    return times;
  }

  it('is at intervals that grow with the time that has passed, while nothing is known', () => {
    const times = looks(pace(), ['a', 'b', 'c', 'd'], 100_000);
    expect(times.length).toBeLessThanOrEqual(10);
    expect(times[0]).toBe(2 * POLL);
    // None is noticed later than a third of what it took.
    expect(times.at(-1)).toBeLessThan(133_000);
  });

  it('is when they are usually complete, once that is known', () => {
    const watch = pace();
    looks(watch, ['a'], 40_000);
    const times = looks(watch, ['b'], 45_000);
    expect(times.length).toBeLessThanOrEqual(3);
    expect(times[0]).toBeGreaterThan(30_000);
  });

  it('is when a quarter should be complete, where they began one after another', () => {
    const watch = pace();
    looks(watch, ['first'], 50_000);
    const ids = Array.from({ length: 8 }, (_, index) => `s${index}`);
    const began = now;
    for (const id of ids) {
      watch.recordStart(id);
      now += 10_000;
    }
    const next = watch.nextLook(ids, now);
    expect(next).toBeGreaterThanOrEqual(now + POLL);
    expect(next - began).toBeLessThan(90_000);
  });

  it('is within a minute, however long they take', () => {
    const watch = pace();
    looks(watch, ['a'], 3_600_000);
    watch.recordStart('b');
    expect(watch.nextLook(['b'], now)).toBe(now + 12 * POLL);
  });
});
