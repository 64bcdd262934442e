import { decideArchival } from '../points/archival';
import type { Archive } from '../points/archive';
import type { PeriodStart } from '../points/lineage';
import { decideExpiry, type SnapshotNow } from '../points/retention';
import type { RetentionTerms } from '../points/retentionTerms';

const DAY_MS = 86_400_000;
/** A common year that begins on a Thursday; which one matters little. */
const BEGINS = Date.UTC(2026, 0, 1);
export const DAYS = 365;

/** One chain of snapshots of one volume in one place. */
export interface Chain {
  everyMs: number;
  retention: RetentionTerms;
  minKeep: number;
  archive?: Archive | undefined;
  timezone: string;
}

/** What calendars know (src/calendar). */
export interface CalendarRules {
  periodStart: PeriodStart;
  expiryOf: (from: number, keep: string | undefined, timezone: string) => number | undefined;
}

/** Snapshots times days. */
export interface SnapshotDays {
  /** Those that hold every block: the first ones. */
  full: number;
  /** Those that hold what differs from the one before them, by the days between the two. */
  byGap: Map<number, number>;
  /** Full, too. */
  archived: number;
}

export interface KeptYear {
  all: SnapshotDays;
  /** Of the last day alone: what is there from then on. */
  last: SnapshotDays;
  snapshots: number;
}

/**
 * A year that begins without snapshots, day by day, decided by what decides in earnest. A snapshot holds the blocks
 * that differ from the one before it that is still there: deleting a point frees less than its own size
 * (https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html). What is archived stays longer than the 90
 * days that are paid for at least, or it would not be.
 */
export function keptYear(chain: Chain, rules: CalendarRules): KeptYear {
  const year: KeptYear = { all: noDays(), last: noDays(), snapshots: 0 };
  let kept: SnapshotNow[] = [];
  for (let day = 1; day <= DAYS; day += 1) {
    // The last moment of the day: what expires with it is paid for that long.
    const now = BEGINS + day * DAY_MS - 1;
    for (; BEGINS + year.snapshots * chain.everyMs <= now; year.snapshots += 1)
      kept.push(snapshotOf(chain, year.snapshots, rules));
    kept = keptOf(kept, now, rules);
    const archived = new Set(archivedBy(chain, kept, now, rules));
    for (const snapshot of kept) snapshot.archived ||= archived.has(snapshot.snapshotId);
    year.last = daysOf(kept);
    add(year.all, year.last);
  }
  return year;
}

function snapshotOf(chain: Chain, number: number, { expiryOf }: CalendarRules): SnapshotNow {
  const { retention, minKeep, archive, timezone, everyMs } = chain;
  const takenAt = BEGINS + number * everyMs;
  const expiresAt = expiryOf(takenAt, retention.keep, timezone);
  return {
    snapshotId: String(number),
    recoveryPointId: String(number),
    policyName: '',
    takenAt,
    ...(expiresAt !== undefined && { expiresAt }),
    lineage: '',
    sourceId: '',
    minKeep,
    rpoMs: 2 * everyMs,
    retention,
    ...(archive && { archive }),
    timezone,
    legalHold: false,
    copyPlaces: [],
    completed: true,
    locked: false,
    usedByImage: false,
    copyRunning: false,
    archived: false,
  };
}

function keptOf(snapshots: SnapshotNow[], now: number, { periodStart }: CalendarRules): SnapshotNow[] {
  // Most chains that are long keep everything: nothing to decide.
  if (snapshots.every(({ expiresAt }) => expiresAt === undefined || expiresAt > now)) return snapshots;
  const { expired } = decideExpiry({
    snapshots,
    policies: [],
    existingSources: new Set(),
    now,
    periodStart,
  });
  const gone = new Set(expired.flatMap(({ snapshotIds }) => snapshotIds));
  return snapshots.filter(({ snapshotId }) => !gone.has(snapshotId));
}

function archivedBy(
  { archive }: Chain,
  snapshots: readonly SnapshotNow[],
  now: number,
  { periodStart }: CalendarRules,
): string[] {
  if (!archive) return [];
  return decideArchival({ snapshots, now, periodStart }).flatMap(({ snapshotIds }) => snapshotIds);
}

function daysOf(kept: readonly SnapshotNow[]): SnapshotDays {
  const days = noDays();
  let before: SnapshotNow | undefined;
  for (const snapshot of kept) {
    if (snapshot.archived) {
      days.archived += 1;
      continue;
    }
    if (before) count(days.byGap, (snapshot.takenAt - before.takenAt) / DAY_MS, 1);
    else days.full += 1;
    before = snapshot;
  }
  return days;
}

function add(sum: SnapshotDays, { full, byGap, archived }: SnapshotDays): void {
  sum.full += full;
  sum.archived += archived;
  for (const [gap, days] of byGap) count(sum.byGap, gap, days);
}

function count(byGap: Map<number, number>, gap: number, by: number): void {
  byGap.set(gap, (byGap.get(gap) ?? 0) + by);
}

function noDays(): SnapshotDays {
  return { full: 0, byGap: new Map(), archived: 0 };
}
