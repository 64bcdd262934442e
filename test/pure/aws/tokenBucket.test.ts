import { TokenBucket } from '../../../src/aws/tokenBucket';

describe('TokenBucket', () => {
  let now = 0;
  const aBucket = () => new TokenBucket({ size: 5, refillPerSecond: 2 }, () => now);

  beforeEach(() => {
    now = 1_000_000;
  });

  it('grants its size at once and then its refill', () => {
    const bucket = aBucket();
    const waits = Array.from({ length: 9 }, () => {
      const wait = bucket.waitMs();
      bucket.take();
      return wait;
    });
    expect(waits).toEqual([0, 0, 0, 0, 0, 500, 1000, 1500, 2000]);
  });

  it('never holds more than its size', () => {
    const bucket = aBucket();
    now += 3_600_000;
    for (let taken = 0; taken < 5; taken++) bucket.take();
    expect(bucket.waitMs()).toBe(500);
  });

  it('takes a token back', () => {
    const bucket = aBucket();
    for (let taken = 0; taken < 6; taken++) bucket.take();
    expect(bucket.waitMs()).toBe(1000);
    bucket.giveBack();
    expect(bucket.waitMs()).toBe(500);
  });

  it('halves its rate when throttled, once for calls that were under way together', () => {
    const bucket = aBucket();
    bucket.noteThrottle();
    now += 10;
    bucket.noteThrottle();
    expect(bucket.currentFactor).toBeCloseTo(0.5, 2);
    expect(bucket.waitMs()).toBeGreaterThan(950);
  });

  it('shrinks to a twentieth at most, and has its whole rate back in two minutes', () => {
    const bucket = aBucket();
    for (let event = 0; event < 20; event++) {
      bucket.noteThrottle();
      now += 1_001;
    }
    bucket.noteThrottle();
    expect(bucket.currentFactor).toBeCloseTo(0.05, 2);
    now += 60_000;
    expect(bucket.currentFactor).toBeCloseTo(0.55, 2);
    now += 60_000;
    expect(bucket.currentFactor).toBe(1);
  });

  it('grants even when its share of the size is below one call', () => {
    const bucket = new TokenBucket({ size: 0.5, refillPerSecond: 0.2 }, () => now);
    expect(bucket.waitMs()).toBe(0);
    bucket.take();
    expect(bucket.waitMs()).toBe(5000);
    now += 5000;
    expect(bucket.waitMs()).toBe(0);
  });

  it('does not run backwards with the clock', () => {
    const bucket = aBucket();
    for (let taken = 0; taken < 5; taken++) bucket.take();
    now -= 60_000;
    expect(bucket.waitMs()).toBe(500);
  });
});
