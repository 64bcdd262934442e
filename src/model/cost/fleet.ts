import type { CostVolume } from './bill';

/** Where the writes of a volume fall: databases write everywhere, system disks on few blocks. */
const HOT_SHARES = [0.05, 0.2, 0.5];
/** Around the mean that is asked for, some write less and some more. */
const ACTIVITY = [0.5, 1, 1.5];
const SIZES_GIB = [8, 20, 50, 100, 200, 500, 1000];
const LEAST_WRITTEN = 0.3;
const MOST_WRITTEN = 0.9;

/** Volumes that nobody has, and the same ones for the same seed. */
export function seededFleet(volumes: number, dailyChange: number, seed: number): CostVolume[] {
  const random = randomFrom(seed);
  const one = <Item>(items: readonly [Item, ...Item[]]): Item =>
    items[Math.floor(random() * items.length)] ?? items[0];
  return Array.from({ length: volumes }, () => {
    const size = one(SIZES_GIB as [number, ...number[]]);
    const hotShare = one(HOT_SHARES as [number, ...number[]]);
    const activity = one(ACTIVITY as [number, ...number[]]);
    return {
      count: 1,
      writtenGib: size * (LEAST_WRITTEN + random() * (MOST_WRITTEN - LEAST_WRITTEN)),
      profile: { hotShare, dailyChange: Math.min(0.9, dailyChange * activity) },
    };
  });
}

/** mulberry32: small, seeded, and good enough to deal out sizes. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
