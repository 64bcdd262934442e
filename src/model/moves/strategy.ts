import { z } from 'zod';
import { formatDuration } from '../duration';
import { MAX_CLONES, reducedSpeedHours, expectedDowntimes, type Downtimes } from './downtime';

/** Ways to an encrypted disk. What each does is in src/workflows/moves/strategies. */
const STRATEGIES = ['copy', 'direct', 'clone'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const strategySchema = z.enum(['auto', ...STRATEGIES]);
export type StrategyAsked = z.output<typeof strategySchema>;

/** How a machine will be moved, why so, and what to expect of it. */
export interface StrategyPlan {
  asked: StrategyAsked;
  name: Strategy;
  why: string;
  /** From the stop call until the machine runs again, by strategy; 0 for a machine that is stopped. */
  expectedDowntimeMs: Downtimes;
  /** Of `clone`: for so long, at most, its volumes give no more than 3,000 IOPS and 125 MiB/s. */
  reducedSpeedHours?: number;
}

interface Moved {
  running: boolean;
  disks: readonly { volumeId: string; size: number; encryptedUnder?: string }[];
  /** A volume with so many tags that the claim of a volume copy does not fit. */
  fullOfTags?: string;
}

/** The shortest downtime that the machine and EBS's quotas allow, or what was asked for. */
export function chooseStrategy(asked: StrategyAsked, moved: Moved): StrategyPlan {
  const [name, why]: [Strategy, string] =
    asked === 'auto' ? best(moved) : [asked, `strategy ${asked} was asked for`];
  return planOf(asked, name, why, moved);
}

/**
 * What becomes of a plan to clone when its turn comes and EBS will not: with `auto` another strategy, before anything
 * was stopped.
 */
export function withoutClone(why: string, moved: Moved): StrategyPlan {
  return planOf('auto', 'direct', `${why}; direct needs no volume copies`, moved);
}

/** The plan in a line, for the table of a campaign. */
export function expectation({ name, why, expectedDowntimeMs, reducedSpeedHours }: StrategyPlan): string {
  const slow = reducedSpeedHours
    ? `, up to ${reducedSpeedHours} h at no more than 3,000 IOPS and 125 MiB/s`
    : '';
  return `${name}, about ${formatDuration(expectedDowntimeMs[name])} of downtime${slow}: ${why}`;
}

/** Why the strategy that was asked for cannot be carried out. */
export function strategyBlockers(asked: StrategyAsked, { disks }: Moved): string[] {
  if (asked !== 'clone' || disks.length <= MAX_CLONES) return [];
  return [
    `strategy clone: it has ${disks.length} volumes to move in one stop, and EBS copies ${MAX_CLONES} at a time in a region; use auto or direct`,
  ];
}

function best({ running, disks, fullOfTags }: Moved): [Strategy, string] {
  if (!running) {
    return [
      'direct',
      `it is stopped, so there is no downtime to shorten, and the region's ${MAX_CLONES} volume copies are left to machines that run`,
    ];
  }
  if (disks.length > MAX_CLONES) {
    return [
      'direct',
      `it has ${disks.length} volumes and EBS copies ${MAX_CLONES} at a time in a region, so clone is out; after direct, it is down for the shortest time`,
    ];
  }
  const reencrypted = disks.find(({ encryptedUnder }) => encryptedUnder !== undefined);
  if (reencrypted) {
    return [
      'direct',
      `${reencrypted.volumeId} is encrypted already: for CreateVolume AWS documents re-encryption under another key, for CopyVolumes it does not`,
    ];
  }
  if (fullOfTags) {
    return [
      'direct',
      `${fullOfTags} has so many tags that the claim of a volume copy does not fit, so clone is out; after direct, it is down for the shortest time`,
    ];
  }
  return [
    'clone',
    `the shortest downtime, whatever the size; should its turn come while fewer than ${disks.length} of the region's ${MAX_CLONES} volume copies are free, direct`,
  ];
}

function planOf(asked: StrategyAsked, name: Strategy, why: string, { running, disks }: Moved): StrategyPlan {
  return {
    asked,
    name,
    why,
    expectedDowntimeMs: expectedDowntimes(running ? disks : []),
    ...(name === 'clone' && { reducedSpeedHours: reducedSpeedHours(disks) }),
  };
}
