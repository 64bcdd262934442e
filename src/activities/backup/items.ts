import type { FailedItem } from '../../model/outcome';
import type { BackupUnit } from '../../model/machines/unit';
import type { BegunSet, Protection } from '../../model/backup/protection';
import type { RecoveryPointSummary } from '../../model/backup/run';
import type { SeenSnapshot } from '../../model/backup/setLook';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { TAG } from '../../model/names';
import { isConsistency, type Consistency } from '../../model/points/consistency';
import { failedItem } from '../support/failedItem';
import { now } from '../support/pace/waits';
import { ambiguous } from '../support/proof';
import type { SetsRequest, UnitNow } from './snapshotSets';

export interface ProtectRequest extends SetsRequest {
  units: BackupUnit[];
  /** When a point counts as too late, in milliseconds since the epoch: the one before it violates the RPO then. */
  dueMs: number;
  /** Wants back what is still starting or stopping when all others are over, so that nothing else waits for it. */
  handBack?: boolean;
}

export interface ProtectedUnits {
  completed: RecoveryPointSummary[];
  failed: FailedItem[];
  /** Units of which the policy leaves every volume out, or another instance's set has it. */
  leftOut: string[];
  /** Units that are starting or stopping still, where the request wants them back. */
  unsettled?: BackupUnit[];
}

/** One unit of a page. */
export interface Item {
  /** As it was last looked at. */
  now: UnitNow;
  state: Protection;
  /** What is reported whatever becomes of its set: a guest that may still be frozen, a snapshot too many that stays. */
  problem?: FailedItem;
  readonly own: OwnSnapshots;
}

/** Snapshots of a unit that this run knows by their ids. */
export interface OwnSnapshots {
  /** What its own calls were answered. */
  readonly recorded: Set<string>;
  /** What it has deleted, or may not delete: reads may go on showing them. */
  readonly discarded: Set<string>;
}

/** Several are told where they meet; the first counts. */
export function telling(item: Item): (problem: FailedItem) => void {
  return (problem) => (item.problem ??= problem);
}

export function resourceOf({ now }: Item): string {
  return now.unit.resourceId;
}

/** A set of this attempt's own making. */
export function madeNow(size: number, more: Pick<BegunSet, 'consistency' | 'crashBecause'> = {}): BegunSet {
  return { ...more, size, created: true, seenAt: now() };
}

/** A set that somebody has made: by its tags. */
export function foundSet(set: readonly SeenSnapshot[], runId: string): BegunSet {
  const tags = set[0]?.tags ?? {};
  return { size: Number(tags[TAG.set]) || set.length, created: tags[TAG.run] === runId, seenAt: now() };
}

/**
 * Whether some of a set may be somebody else's, for all that is known; all who claim to be them are named.
 *
 * @param rivals others that claim to be of the same volume, by the id of the one that counts
 */
export function doubtOf(
  item: Item,
  set: readonly SeenSnapshot[],
  rivals: ReadonlyMap<string, string[]>,
  why: string,
): FailedItem | undefined {
  const unsure = set.flatMap(({ snapshotId }) => {
    const others = item.own.recorded.has(snapshotId) ? undefined : rivals.get(snapshotId);
    return others ? [snapshotId, ...others] : [];
  });
  if (unsure.length === 0) return undefined;
  const what = `snapshots of ${item.now.recoveryPointId}, of which ${why}`;
  return failedItem(resourceOf(item), ambiguous(what, unsure));
}

export function gone({ now }: Item): FailedItem {
  return {
    item: now.unit.resourceId,
    type: FAILURE.resourceFailed,
    message: `${now.recoveryPointId}: snapshots of it are gone; somebody deleted them`,
  };
}

export function late({ now }: Item, lateMs: number): FailedItem {
  return {
    item: now.unit.resourceId,
    type: FAILURE.rpoExceeded,
    message: `${now.recoveryPointId} is complete, but ${formatDuration(lateMs)} after the RPO: until then the newest one was older than it allows`,
  };
}

/** One failure of what is several failures of one unit. */
export function together(...failures: readonly (FailedItem | undefined)[]): FailedItem[] {
  const all = failures.flatMap((each) => each ?? []);
  const [first] = all;
  return first ? [{ ...first, message: all.map(({ message }) => message).join('; ') }] : [];
}

/** What a point whose policy asks for hooks says of itself; by its tags, where another attempt made it. */
export function pointOf(
  { now }: Item,
  { created, consistency, crashBecause }: BegunSet,
  set: readonly SeenSnapshot[],
  droppedTags: string[] | undefined,
): RecoveryPointSummary {
  return {
    recoveryPointId: now.recoveryPointId,
    resourceId: now.unit.resourceId,
    created,
    snapshotIds: set.map(({ snapshotId }) => snapshotId),
    volumeIds: set.map(({ volumeId }) => volumeId),
    fullBytes: set.reduce((sum, { fullBytes }) => sum + fullBytes, 0),
    consistency: consistency ?? consistencyIn(set),
    crashBecause,
    droppedTags,
    takenAlong: now.takenAlong,
  };
}

function consistencyIn(set: readonly SeenSnapshot[]): Consistency | undefined {
  const told = set[0]?.tags[TAG.consistency];
  return isConsistency(told) ? told : undefined;
}
