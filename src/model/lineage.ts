import type { RecoveryPointSnapshot } from './recoveryPoint';
import { periodsKept, type Period } from './retentionTerms';

/** When the period began that a moment is in; both in milliseconds since the epoch. */
export type PeriodStart = (at: number, period: Period, timezone: string) => number;

type Member = Pick<RecoveryPointSnapshot, 'snapshotId' | 'takenAt' | 'retention' | 'timezone'> & {
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
    for (const { snapshotId, takenAt } of this.byAge)
      byPeriod.set(this.periodStart(takenAt, period, timezone), snapshotId);
    // By age the newest comes first, so the last that is set for a period is its first, and periods keep their order.
    const found = [...byPeriod.values()];
    this.firsts.set(key, found);
    return found;
  }
}
