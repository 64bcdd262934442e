import { groupBy } from '../group';
import { TAG } from '../names';
import { COPY_VOLUME } from './copyVolume';

const HOUR_MS = 3_600_000;

/** A snapshot that says by its tags and description that it is of a recovery point, with what AWS itself records of it. */
export interface Claimant {
  snapshotId: string;
  /** As AWS says: of a copy {@link COPY_VOLUME}. */
  volumeId: string;
  /** Milliseconds since the epoch, by AWS's clock. */
  startedAt: number;
  tags: Readonly<Record<string, string>>;
}

export interface Stranger {
  snapshotId: string;
  /** One sentence. */
  why: string;
}

export interface Claims<Item extends Claimant> {
  /** One for each volume (or snapshot, of copies) of each point: the first that was begun, for marks can only be copied later. */
  own: Item[];
  /** All who claim to be the same as one of `own`, it included, by its id; none where it is the only one. */
  rivals: ReadonlyMap<string, string[]>;
  /** Those of which AWS's own records say that somebody copied their marks. */
  strangers: Stranger[];
}

/**
 * Whose snapshots are (docs/adr/0033): tags and description only find them. What AWS's records contradict is a stranger's; where
 * several are left for one thing, one counts and none of them may be touched.
 *
 * @param snapshots all that carry the marks in one place, or all of some points
 */
export function claimsOf<Item extends Claimant>(snapshots: readonly Item[]): Claims<Item> {
  const strangers: Stranger[] = [];
  const candidates: Item[] = [];
  const late = begunTooLate(snapshots.filter((each) => contradiction(each) === undefined));
  for (const snapshot of snapshots) {
    const why = contradiction(snapshot) ?? late.get(snapshot.snapshotId);
    if (why === undefined) candidates.push(snapshot);
    else strangers.push({ snapshotId: snapshot.snapshotId, why });
  }
  const own: Item[] = [];
  const rivals = new Map<string, string[]>();
  for (const group of groupBy(candidates, thingOf).values()) {
    const [first, ...others] = [...group].sort(byBeginning);
    if (!first) continue;
    own.push(first);
    if (others.length > 0)
      rivals.set(first.snapshotId, [first.snapshotId, ...others.map(({ snapshotId }) => snapshotId)]);
  }
  return { own, rivals, strangers };
}

/** What there can be only one snapshot of: a volume in a point, or the copy of a snapshot. */
export function thingOf(claimant: Omit<Claimant, 'startedAt'>): string {
  return `${claimant.tags[TAG.recoveryPoint]}|${claimant.tags[TAG.copyOf] ?? volumeOf(claimant)}`;
}

/** A copy itself does not tell its volume. */
export function volumeOf({ volumeId, tags }: Omit<Claimant, 'startedAt'>): string {
  return volumeId === COPY_VOLUME ? (tags[TAG.sourceVolume] ?? volumeId) : volumeId;
}

/**
 * Why a snapshot is not what its marks say, by what AWS records of it alone; undefined where nothing speaks against them. Users
 * copy snapshots with all their tags: AWS says of the result that it is a copy, and the marks do not.
 */
export function contradiction({ volumeId, tags }: Omit<Claimant, 'startedAt'>): string | undefined {
  const saysCopy = tags[TAG.copyOf] ?? tags[TAG.encryptedFrom];
  if (volumeId === COPY_VOLUME) {
    // What a migration copies on its way may become its last recovery point.
    const isOurs = saysCopy !== undefined || tags[TAG.migration] !== undefined;
    return isOurs ? undefined : 'AWS says that it is a copy, and its marks are those of a first snapshot';
  }
  if (saysCopy !== undefined)
    return `its marks are those of a copy of ${saysCopy}, and AWS says that it is a first snapshot of ${volumeId}`;
  const volumes = volumesIn(tags);
  return volumes && volumeId !== '' && !volumes.includes(volumeId)
    ? `its marks are those of a snapshot of ${volumes.join(', ')}, and AWS says that it is of ${volumeId}`
    : undefined;
}

/** The volumes of the set; undefined where the tags do not tell them all: lines give way where tags do not fit. */
function volumesIn(tags: Claimant['tags']): string[] | undefined {
  const lines = Object.keys(tags).flatMap((key) =>
    key.startsWith(TAG.volumePrefix) ? key.slice(TAG.volumePrefix.length) : [],
  );
  const only = tags[TAG.sourceVolume];
  const known = [...new Set([...lines, ...(only ? [only] : [])])];
  return known.length > 0 && known.length >= Number(tags[TAG.set]) ? known : undefined;
}

/**
 * Snapshots of a volume begin in the order in which their points are taken. What was begun after a point that was taken an hour
 * later or more took its marks from another, which may be gone by now.
 */
function begunTooLate(snapshots: readonly Claimant[]): Map<string, string> {
  const direct = snapshots.filter(({ volumeId }) => volumeId !== COPY_VOLUME);
  const series = groupBy(direct, (each) => `${each.tags[TAG.policy]}|${each.volumeId}`);
  const late = new Map<string, string>();
  for (const group of series.values()) {
    const byTaken = group
      .map((each) => ({ ...each, takenAt: Date.parse(each.tags[TAG.takenAt] ?? '') }))
      .filter(({ takenAt }) => !Number.isNaN(takenAt))
      .sort((a, b) => b.takenAt - a.takenAt);
    // From the newest on: the earliest beginning of those that were taken an hour later and more.
    let next = 0;
    let earliest: (typeof byTaken)[number] | undefined;
    for (const each of byTaken) {
      for (
        let later = byTaken[next];
        later && later.takenAt >= each.takenAt + HOUR_MS;
        later = byTaken[++next]
      )
        if (!earliest || later.startedAt < earliest.startedAt) earliest = later;
      if (earliest && each.startedAt > earliest.startedAt)
        late.set(
          each.snapshotId,
          `it was begun after ${earliest.snapshotId}, whose point was taken later: its marks are copied`,
        );
    }
  }
  return late;
}

function byBeginning(a: Claimant, b: Claimant): number {
  return a.startedAt - b.startedAt || a.snapshotId.localeCompare(b.snapshotId);
}
