import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema } from '../duration';
import { leastAgeMs, periodsKept, type RetentionTerms } from './retentionTerms';

/**
 * EBS Snapshots Archive (https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html): a quarter of the price
 * for each GiB, but a full snapshot instead of its changed blocks, paid for 90 days at least, and up to 72 hours away.
 */
const DAY_MS = 86_400_000;
/** Archiving is paid for this long at least. */
export const LEAST_DAYS = 90;
/** Archived snapshots that EBS allows a volume: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
export const MOST_ARCHIVED = 25;
/** Copies of a point are made before: what is archived cannot be copied. */
const COPIES_MAY_TAKE_MS = 7 * DAY_MS;
/** Archived, as against standard, for each GiB and month; the same in every region that has both. */
const PRICE_RATIO = 0.25;
const PERIOD_DAYS = { month: 30, year: 365 } as const;

export const archiveSchema = z.strictObject({
  after: fixedDurationSchema
    .refine(
      (text) => (fixedDurationMs(text) ?? 0) >= COPIES_MAY_TAKE_MS,
      'at least 7d: what is archived cannot be copied any more',
    )
    .describe('Age at which a point is archived; its copies are made by then.'),
  every: z
    .enum(['month', 'year'], { error: 'month or year' })
    .default('month')
    .describe(
      'Only the first point of each is archived: the blocks of those between are mostly shared with their neighbours.',
    ),
  dailyChange: z
    .number()
    .gt(0, 'more than 0')
    .max(1, 'at most 1')
    .default(0.05)
    .describe('Part of a volume that is written a day; says whether archiving a point pays.'),
  atMost: z
    .number()
    .int()
    .min(1)
    .max(MOST_ARCHIVED, 'EBS allows 25 archived snapshots a volume')
    .optional()
    .describe('Archived snapshots of a volume; what comes later stays in the standard tier.'),
});

export type Archive = z.output<typeof archiveSchema>;

/** One sentence; undefined when the archive fits the retention. */
export function archiveProblem(archive: Archive, retention: RetentionTerms): string | undefined {
  const afterDays = (fixedDurationMs(archive.after) ?? 0) / DAY_MS;
  const longest = longestDays(retention);
  if (longest < afterDays + LEAST_DAYS)
    return `after ${archive.after} and the ${LEAST_DAYS} days that archiving is paid for at least, no point is left: keep some for ${Math.ceil(afterDays + LEAST_DAYS)} days, or leave archive out`;
  const most = Math.ceil((longest - afterDays) / PERIOD_DAYS[archive.every]);
  if (archive.atMost === undefined && most > MOST_ARCHIVED)
    return `the first of every ${archive.every} makes ${Number.isFinite(most) ? most : 'ever more'} archived snapshots of a volume, and EBS allows ${MOST_ARCHIVED}: write every: year, or atMost: ${MOST_ARCHIVED}, and what comes later stays in the standard tier`;
  return undefined;
}

const PERIOD_LENGTHS = { day: 1, week: 7, month: 30, year: 365 } as const;

function longestDays(retention: RetentionTerms): number {
  const byPeriod = periodsKept(retention).map(({ period, count }) => count * PERIOD_LENGTHS[period]);
  return Math.max(leastAgeMs(retention) / DAY_MS, ...byPeriod);
}

/** What is left of a point's time by its calendar terms, when `rank` newer periods have points. */
export function calendarDaysLeft(
  rank: number,
  { period, count }: { period: keyof typeof PERIOD_LENGTHS; count: number },
): number {
  return (count - rank) * PERIOD_LENGTHS[period];
}

/** Part of a retention tag: `archive=30d,month,0.05,25`. */
export function formatArchive({ after, every, dailyChange, atMost }: Archive): string {
  return `archive=${[after, every, dailyChange, ...(atMost === undefined ? [] : [atMost])].join(',')}`;
}

/** What {@link formatArchive} wrote, from among other terms; what cannot be read is not there. */
export function parseArchive(text = ''): Archive | undefined {
  const [after, every, dailyChange, atMost] = /(?:^| )archive=(\S+)/.exec(text)?.[1]?.split(',') ?? [];
  const parsed = archiveSchema.safeParse({
    after,
    every,
    dailyChange: Number(dailyChange),
    ...(atMost !== undefined && { atMost: Number(atMost) }),
  });
  return parsed.success ? parsed.data : undefined;
}

interface Gain {
  archive: Archive;
  /** To the neighbours that stay; without one before it, infinite. */
  daysBefore: number;
  daysAfter: number;
  /** Until the point expires. */
  daysLeft: number;
}

/**
 * Whether a point is cheaper in the archive. What it frees are the blocks that no neighbour shares: written since
 * the one before it, and written again before the one after it; a volume's writes are taken to fall anywhere.
 */
export function pays({ archive, daysBefore, daysAfter, daysLeft }: Gain): boolean {
  const written = (days: number) => 1 - Math.exp(-archive.dailyChange * days);
  const freed = written(daysBefore) * written(daysAfter);
  const paidLonger = Number.isFinite(daysLeft) ? Math.max(1, LEAST_DAYS / daysLeft) : 1;
  return freed > PRICE_RATIO * paidLonger;
}
