import type { RecoveryPointSnapshot } from './recoveryPoint';
import { periodsKept, type Period } from './retentionTerms';

/** When the period began that a moment is in; both in milliseconds since the epoch. */
export type PeriodStart = (at: number, period: Period, timezone: string) => number;

type Member = Pick<
  RecoveryPointSnapshot,
  'snapshotId' | 'takenAt' | 'slotMs' | 'rpoMs' | 'retention' | 'timezone'
> & {
  completed: boolean;
  /** False of what is left of a set: nothing can be recovered as it was. */
  whole?: boolean;
  /** False of what is under a key that nobody can use: it may never be read again. */
  readable?: boolean;
};

/** The completed snapshots of one lineage in one place, as far as their sets are whole and can be read. */
export class Lineage<Snapshot extends Member = Member> {
  private readonly byAge: Snapshot[];
  private readonly ranks: Map<string, number>;
  /** The first snapshot of every period there is, by period and timezone, the newest period first. */
  private readonly firsts = new Map<string, string[]>();

  constructor(
    snapshots: readonly Snapshot[],
    private readonly periodStart: PeriodStart,
  ) {
    this.byAge = snapshots
      .filter(({ completed, whole = true, readable = true }) => completed && whole && readable)
      .sort((a, b) => b.takenAt - a.takenAt);
    this.ranks = new Map(this.byAge.map(({ snapshotId }, rank) => [snapshotId, rank]));
  }

  /** How many good ones are newer: 0 for the newest. */
  rankOf({ snapshotId, takenAt }: Snapshot): number {
    return this.ranks.get(snapshotId) ?? this.byAge.filter((each) => each.takenAt > takenAt).length;
  }

  /**
   * Whether its own terms keep it as the first of a period. The first, because it stays the first whatever comes later;
   * only periods that have points count, so that a pause costs no history.
   */
  isFirstOfItsPeriod({ snapshotId, retention, timezone }: Snapshot): boolean {
    return periodsKept(retention).some(({ period, count }) =>
      this.firstsOf(period, timezone).slice(0, count).includes(snapshotId),
    );
  }

  /** Whether no snapshot of its period is older. */
  isFirstOf(snapshot: Snapshot, period: Period): boolean {
    return this.periodRankOf(snapshot, period) >= 0;
  }

  /** How many newer periods have snapshots; -1 for one that is not the first of its period. */
  periodRankOf({ snapshotId, timezone }: Snapshot, period: Period): number {
    return this.firstsOf(period, timezone).indexOf(snapshotId);
  }

  private firstsOf(period: Period, timezone: string): string[] {
    const key = `${period} ${timezone}`;
    const known = this.firsts.get(key);
    if (known) return known;
    const byPeriod = new Map<number, string>();
    // By age the newest comes first, so the last that is set for a period is its first.
    for (const snapshot of this.byAge)
      byPeriod.set(this.periodStart(momentOf(snapshot), period, timezone), snapshot.snapshotId);
    const found = [...byPeriod].sort(([a], [b]) => b - a).map(([, snapshotId]) => snapshotId);
    this.firsts.set(key, found);
    return found;
  }
}

/**
 * When a snapshot counts as taken among calendar periods: at its slot, for a run's jitter and length carry the snapshots of
 * 23:50 over midnight on some days and not on others, and a day would have two and the next none. Jitter is never as much
 * as half of the RPO; what was taken later than that is made up for or backfilled, and shows another day than its slot's.
 */
function momentOf({ takenAt, slotMs = takenAt, rpoMs }: Member): number {
  const lateBy = takenAt - slotMs;
  return lateBy >= 0 && lateBy < rpoMs / 2 ? slotMs : takenAt;
}
