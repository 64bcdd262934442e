import { calendarDaysLeft, LEAST_DAYS, MOST_ARCHIVED, pays, type Archive } from './archive';
import { fixedDurationMs } from '../duration';
import { groupBy } from '../group';
import { Lineage, type PeriodStart } from './lineage';
import { lineageKey, withWhole, type SnapshotNow } from './retention';
import { periodsKept } from './retentionTerms';

const DAY_MS = 86_400_000;

interface Facts {
  /** All of Holdfast's snapshots of one place that stay. */
  snapshots: readonly SnapshotNow[];
  /** Milliseconds since the epoch. */
  now: number;
  periodStart: PeriodStart;
}

/** Recovery points of a place that are cheaper in the archive. A point is a set: it goes when all of it may. */
export function decideArchival(facts: Facts): { recoveryPointId: string; snapshotIds: string[] }[] {
  const all = withWhole(facts.snapshots);
  const series = new Map(
    [...groupBy(all, lineageKey)].map(([key, snapshots]) => [key, new Series(snapshots, facts)]),
  );
  const points = [...groupBy(all, ({ recoveryPointId }) => recoveryPointId)];
  return points.flatMap(([recoveryPointId, set]) =>
    set.every((snapshot) => series.get(lineageKey(snapshot))?.admits(snapshot))
      ? { recoveryPointId, snapshotIds: set.map(({ snapshotId }) => snapshotId) }
      : [],
  );
}

/** The snapshots of one lineage, the oldest first. */
class Series {
  private readonly lineage: Lineage<SnapshotNow>;
  private readonly standard: SnapshotNow[];
  private archived: number;

  constructor(
    snapshots: readonly SnapshotNow[],
    private readonly facts: Facts,
  ) {
    this.lineage = new Lineage(snapshots, facts.periodStart);
    this.standard = snapshots
      .filter(({ completed, archived }) => completed && !archived)
      .sort((a, b) => a.takenAt - b.takenAt);
    this.archived = snapshots.filter(({ archived }) => archived).length;
  }

  /** Takes one of the places in the archive when it does. */
  admits(snapshot: SnapshotNow): boolean {
    const { archive, completed, archived, usedByImage, copyRunning, minKeep } = snapshot;
    if (!archive || !completed || archived || usedByImage || copyRunning) return false;
    if (snapshot.rivals !== undefined || snapshot.whole === false) return false;
    if (this.facts.now - snapshot.takenAt < (fixedDurationMs(archive.after) ?? Infinity)) return false;
    // The newest ones are what a recovery wants, at once.
    if (this.lineage.rankOf(snapshot) < Math.max(1, minKeep)) return false;
    if (!this.lineage.isFirstOf(snapshot, archive.every)) return false;
    if (!this.isWorthIt(snapshot, archive)) return false;
    if (this.archived >= (archive.atMost ?? MOST_ARCHIVED)) return false;
    this.archived += 1;
    return true;
  }

  private isWorthIt(snapshot: SnapshotNow, archive: Archive): boolean {
    const daysLeft = this.daysLeft(snapshot);
    if (daysLeft < LEAST_DAYS) return false;
    const at = this.standard.indexOf(snapshot);
    const days = (from?: SnapshotNow, to?: SnapshotNow) =>
      from && to ? (to.takenAt - from.takenAt) / DAY_MS : Infinity;
    const daysBefore = days(this.standard[at - 1], snapshot);
    return pays({ archive, daysBefore, daysAfter: days(snapshot, this.standard[at + 1]), daysLeft });
  }

  private daysLeft(snapshot: SnapshotNow): number {
    const byAge = ((snapshot.expiresAt ?? Infinity) - this.facts.now) / DAY_MS;
    const byPeriod = periodsKept(snapshot.retention).map((kept) =>
      this.lineage.isFirstOf(snapshot, kept.period)
        ? calendarDaysLeft(this.lineage.periodRankOf(snapshot, kept.period), kept)
        : 0,
    );
    return Math.max(byAge, ...byPeriod);
  }
}
