/**
 * What to expect of a migration. AWS publishes hardly any durations: those without a page of their own are what
 * operators report, in round numbers, and a plan says "expected" for that reason.
 */

/** Volume copies in progress at a time in a region: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
export const MAX_CLONES = 5;

/** Up to six hours for the first TiB: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html */
const INITIALIZATION_HOURS_PER_TIB = 6;

/** A clean shutdown and a start: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html */
const STOP_SECONDS = 40;
const START_SECONDS = 20;
/** Creating, detaching and attaching volumes: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html */
const SWAP_SECONDS = 15;
/** Snapshots hold what has changed since the one before: https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html */
const SNAPSHOT_SECONDS = 20;
const SNAPSHOT_MIB_PER_SECOND = 120;
/** And so do copies under one key: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html#ebs-incremental-copy */
const COPY_SECONDS = 30;
const COPY_MIB_PER_SECOND = 180;
/** Of a volume's size, what a machine writes between the seed and the stop. */
const CHANGED_SHARE = 0.01;

/** Milliseconds by strategy. */
export interface Downtimes {
  copy: number;
  direct: number;
  clone: number;
}

/** All volumes move at the same time, so the largest counts; without volumes to wait for it is no time at all. */
export function expectedDowntimes(disks: readonly { size: number }[]): Downtimes {
  if (disks.length === 0) return { copy: 0, direct: 0, clone: 0 };
  const changedMib = Math.max(...disks.map(({ size }) => size)) * 1024 * CHANGED_SHARE;
  const clone = STOP_SECONDS + SWAP_SECONDS + START_SECONDS;
  const direct = clone + SNAPSHOT_SECONDS + changedMib / SNAPSHOT_MIB_PER_SECOND;
  const copy = direct + COPY_SECONDS + changedMib / COPY_MIB_PER_SECOND;
  return { copy: ms(copy), direct: ms(direct), clone: ms(clone) };
}

/** What happens while the machine still runs: its seed, and the seed's encrypted copy. */
export function expectedPreparation(disks: readonly { size: number }[]): Downtimes {
  const largestMib = Math.max(0, ...disks.map(({ size }) => size)) * 1024;
  const direct = SNAPSHOT_SECONDS + largestMib / SNAPSHOT_MIB_PER_SECOND;
  const copy = direct + COPY_SECONDS + largestMib / COPY_MIB_PER_SECOND;
  return { copy: ms(copy), direct: ms(direct), clone: 0 };
}

/** Hours, to a tenth, until the largest clone is initialized, at most. */
export function reducedSpeedHours(disks: readonly { size: number }[]): number {
  const largestGib = Math.max(0, ...disks.map(({ size }) => size));
  return Math.ceil((10 * INITIALIZATION_HOURS_PER_TIB * largestGib) / 1024) / 10;
}

function ms(seconds: number): number {
  return Math.round(seconds) * 1000;
}
