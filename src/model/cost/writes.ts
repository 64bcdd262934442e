/** How a volume is written to: most writes fall on few blocks, again and again. */
export interface WriteProfile {
  /** Part of the blocks that nine writes out of ten fall on. */
  hotShare: number;
  /** Part of the blocks that differ after a day. */
  dailyChange: number;
}

const HOT_WRITES = 0.9;

/** Part of the blocks that differ after so many days: what a snapshot holds beside the one before it. */
export type Changed = (days: number) => number;

/** Writes that fall anywhere leave a block alone with the probability of a Poisson process, hot and cold blocks apart. */
export function changedBy({ hotShare, dailyChange }: WriteProfile): Changed {
  const after = (writes: number, days: number) =>
    hotShare * (1 - Math.exp((-HOT_WRITES * writes * days) / hotShare)) +
    (1 - hotShare) * (1 - Math.exp((-(1 - HOT_WRITES) * writes * days) / (1 - hotShare)));
  const writes = solve((each) => after(each, 1), dailyChange);
  return (days) => after(writes, days);
}

/** Where a rising function reaches a value, by halving. */
function solve(rising: (x: number) => number, value: number): number {
  let [low, high] = [0, 1];
  while (rising(high) < value) high *= 2;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (rising(middle) < value) low = middle;
    else high = middle;
  }
  return high;
}
