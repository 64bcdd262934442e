/** How much data snapshots stand for. */
export interface Sizes {
  snapshots: number;
  /** Blocks that have ever been written, in bytes; what a restore reads. */
  fullBytes: number;
  /** Snapshots that were compared with those of the slot before. */
  compared: number;
  /** What differs between the compared ones, in bytes: what they store beside those before them. */
  changedBytes: number;
  /** Why not all were compared; not said where only the slot before is missing. */
  notCompared?: string;
}

export function noSizes(): Sizes {
  return { snapshots: 0, fullBytes: 0, compared: 0, changedBytes: 0 };
}

export function sumOfSizes(all: readonly Sizes[]): Sizes {
  const sum = (pick: (sizes: Sizes) => number) => all.reduce((total, sizes) => total + pick(sizes), 0);
  const notCompared = all.find((sizes) => sizes.notCompared !== undefined)?.notCompared;
  return {
    snapshots: sum(({ snapshots }) => snapshots),
    fullBytes: sum(({ fullBytes }) => fullBytes),
    compared: sum(({ compared }) => compared),
    changedBytes: sum(({ changedBytes }) => changedBytes),
    ...(notCompared && { notCompared }),
  };
}

/** `13 snapshots of 40.0 GiB; 12 compared: 1.2 GiB changed (3 %)`: for people. */
export function formatSizes({ snapshots, fullBytes, compared, changedBytes, notCompared }: Sizes): string {
  const share = fullBytes > 0 ? ` (${Math.round((100 * changedBytes) / fullBytes)} % of all)` : '';
  const changed = compared > 0 ? `; ${compared} compared: ${gib(changedBytes)} changed${share}` : '';
  return `${snapshots} snapshots of ${gib(fullBytes)}${changed}${notCompared ? `; ${notCompared}` : ''}`;
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
