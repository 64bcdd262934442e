import type { Strategy } from './strategy';
import { PRICES, VOLUME_PRICES, type VolumePrice } from '../cost/prices';

const DAYS_A_MONTH = 30;

/** What a move costs beyond what its volumes cost anyway, in US dollars at list prices. */
export interface MoveCost {
  /** Until the commit, originals and new volumes are both there. */
  perDayUntilCommit: number;
  /** From then on: the encrypted recovery point of the originals' last moment, at most, because EBS keeps no empty blocks. */
  perMonthAfter: number;
  /** What these figures do not hold. */
  without?: string;
}

interface Disk {
  type: string;
  /** GiB. */
  size: number;
  iops?: number;
  /** MiB/s. */
  throughput?: number;
}

export function moveCost(disks: readonly Disk[], strategy: Strategy): MoveCost {
  const size = disks.reduce((sum, disk) => sum + disk.size, 0);
  const month = disks.reduce((sum, disk) => sum + monthly(disk), 0);
  return {
    perDayUntilCommit: cents(month / DAYS_A_MONTH),
    perMonthAfter: cents(size * PRICES.standardGibMonth),
    ...(strategy === 'clone' && { without: 'what EBS charges once for a volume copy, by GiB' }),
  };
}

export function totalCost(costs: readonly MoveCost[]): MoveCost {
  const without = costs.find((each) => each.without !== undefined)?.without;
  return {
    perDayUntilCommit: cents(costs.reduce((sum, { perDayUntilCommit }) => sum + perDayUntilCommit, 0)),
    perMonthAfter: cents(costs.reduce((sum, { perMonthAfter }) => sum + perMonthAfter, 0)),
    ...(without && { without }),
  };
}

/** Provisioned performance is charged beyond what is included. */
function monthly({ type, size, iops = 0, throughput = 0 }: Disk): number {
  const { gib, iopsPrice, freeIops, throughputPrice, freeThroughput } = priceOf(type);
  const beyond = (asked: number, free: number) => Math.max(0, asked - free);
  return (
    size * gib + beyond(iops, freeIops) * iopsPrice + beyond(throughput, freeThroughput) * throughputPrice
  );
}

/** A type that is newer than this table is taken for the dearest. */
function priceOf(type: string): VolumePrice {
  return VOLUME_PRICES[type] ?? VOLUME_PRICES.io2;
}

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100;
}
