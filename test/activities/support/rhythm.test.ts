import { LookRhythm } from '../../../src/activities/support/pace/rhythm';

const POLL = 5_000;
const TICK = 1_000;

/** When a wait that takes so long is looked at, in milliseconds from its start; the last look finds it over. */
function looks(rhythm: LookRhythm, tookMs: number, startedAt = 0): number[] {
  const times = [rhythm.firstLook(startedAt)];
  while ((times.at(-1) ?? 0) < startedAt + tookMs)
    times.push(rhythm.nextLook((times.at(-1) ?? 0) + 20, startedAt));
  const pending = times.at(-2);
  rhythm.recordFinish(
    (times.at(-1) ?? 0) - startedAt,
    pending === undefined ? undefined : pending - startedAt,
  );
  return times.map((time) => time - startedAt);
}

describe('the rhythm of a wait', () => {
  it('begins when something may have come about, and finds it within an eighth of its time or two ticks', () => {
    for (const took of [300, 2_000, 20_000, 35_000, 60_000, 240_000]) {
      const times = looks(new LookRhythm(POLL, 2), took);
      expect(times[0]).toBe(2 * POLL);
      expect((times.at(-1) ?? 0) - Math.max(took, 2 * POLL)).toBeLessThan(Math.max(2 * TICK, took / 6));
    }
  });

  it('learns when to begin, by the shortest that came last', () => {
    const rhythm = new LookRhythm(POLL, 1);
    const first = looks(rhythm, 35_000).length;
    for (let i = 0; i < 10; i++) looks(rhythm, 35_000);
    const times = looks(rhythm, 35_000);
    expect(times.length).toBeLessThanOrEqual(3);
    expect(first).toBeGreaterThan(3 * times.length);
    // One slow machine does not have the others looked at late.
    looks(rhythm, 600_000);
    expect(looks(rhythm, 35_000)[0]).toBeLessThanOrEqual(36_000);
    // When all become quicker, so do the looks.
    for (let i = 0; i < 30; i++) looks(rhythm, 10_000);
    expect(looks(rhythm, 10_000).at(-1)).toBeLessThan(14_000);
  });

  it('looks at machines that began at different times at the same times', () => {
    const rhythm = new LookRhythm(POLL, 1);
    const [one, other] = [0, 3_300].map((start) => looks(rhythm, 60_000, start).map((at) => at + start));
    const shared = (other ?? []).filter((at) => one?.includes(at));
    expect(shared.length).toBeGreaterThan((other ?? []).length / 2);
  });

  it('takes its time where nobody waits, and never longer than a minute', () => {
    const times = looks(new LookRhythm(POLL, 12, true), 7_200_000);
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(POLL);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(80_000);
  });
});
