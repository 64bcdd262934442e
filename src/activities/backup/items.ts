import type { Snapshot } from '@aws-sdk/client-ec2';
import type { RecoveryPointSummary } from '../../model/backup/run';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { failedItem } from '../support/failedItem';
import { ambiguous } from '../support/proof';
import type { SetsRequest, UnitNow } from './snapshotSets';
import { now } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import type { BackupUnit } from '../../model/machines/unit';
import { isConsistency, type Consistency } from '../../model/points/consistency';

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

/** One unit on its way to a completed set. */
export interface Item {
  now: UnitNow;
  /**
   * `unsure`: a call may have made the set, and reads may not show it yet. `pending`: the set is there.
   * `waiting`: there is none. `hooks`: the guest is brought to rest, or the set is being made at rest.
   */
  state: 'unsure' | 'waiting' | 'hooks' | 'pending' | 'over';
  /** When something is to be done about it next, in milliseconds of this machine's clock. */
  nextAt: number;
  /** Looks that an unsure one still gets. */
  looks: number;
  /** Calls that failed for no known reason. */
  failures: number;
  /** Since when it is known to be starting, stopping or being created. */
  movingSince?: number;
  /** Calls that its state did not allow. */
  refusals: number;
  /** Sets that ended in error. */
  errors: number;
  /** Snapshots of sets that ended in error: reads may go on showing them. */
  discarded: Set<string>;
  /** Snapshots of it that this run's own calls were answered. */
  recorded: Set<string>;
  /** By the id of the one that counts: others that claim to be of the same volume, which are not this run's to touch. */
  rivals: Map<string, string[]>;
  /** Volumes in the set, as far as it is known. */
  size: number;
  takes: number;
  seenAt: number;
  created: boolean;
  /** Hooks of an earlier attempt are looked after. */
  isSettling: boolean;
  /** A guest that may still be frozen: reported whatever becomes of the set. */
  problem?: FailedItem;
  /** Of the set that this attempt made. */
  consistency?: Consistency;
  /** Why its set is only as after a power failure. */
  crashBecause?: string;
}

/** @param recorded what calls of earlier attempts were answered, by recovery point */
export function newItem(
  now: UnitNow,
  isRetry: boolean,
  recorded: Readonly<Record<string, string[]>> = {},
): Item {
  return {
    now,
    state: 'unsure',
    nextAt: 0,
    looks: isRetry ? 2 : 1,
    failures: 0,
    refusals: 0,
    errors: 0,
    discarded: new Set(),
    recorded: new Set(recorded[now.recoveryPointId] ?? []),
    rivals: new Map(),
    size: now.volumes.length,
    takes: 0,
    seenAt: 0,
    created: false,
    isSettling: false,
  };
}

/** A set that is there is the unit's. */
export function adopted(item: Item, snapshots: readonly Snapshot[], runId: string): void {
  const tags = tagMap(snapshots[0]?.Tags);
  item.state = 'pending';
  item.created = tags[TAG.run] === runId;
  item.size = Number(tags[TAG.set]) || snapshots.length;
  item.seenAt = now();
}

/** Reads lag: what a call may have made is looked for again, and then made. */
export function unseen(item: Item, readLagMs: number): void {
  item.looks -= 1;
  if (item.looks <= 0) again(item, 0);
  else item.nextAt = now() + Math.ceil(readLagMs / 5);
}

/** There is none, and it is made in so many milliseconds. */
export function again(item: Item, inMs: number): void {
  Object.assign(item, { state: 'waiting', nextAt: now() + inMs });
}

export function isUnsureAndDue({ state, nextAt }: Item): boolean {
  return state === 'unsure' && nextAt <= now();
}

export function resourceOf({ now }: Item): string {
  return now.unit.resourceId;
}

/** Whether some of a set may be somebody else's, for all that is known; all who claim to be them are named. */
export function doubtOf(item: Item, snapshots: readonly Snapshot[], why: string): FailedItem | undefined {
  const { recorded, rivals, now } = item;
  const unsure = snapshots.flatMap(({ SnapshotId = '' }) =>
    recorded.has(SnapshotId) || !rivals.has(SnapshotId)
      ? []
      : [SnapshotId, ...(rivals.get(SnapshotId) ?? [])],
  );
  if (unsure.length === 0) return undefined;
  return failedItem(
    resourceOf(item),
    ambiguous(`snapshots of ${now.recoveryPointId}, of which ${why}`, unsure),
  );
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
export function together(failures: readonly (FailedItem | undefined)[]): FailedItem[] {
  const all = failures.flatMap((each) => each ?? []);
  const [first] = all;
  return first ? [{ ...first, message: all.map(({ message }) => message).join('; ') }] : [];
}

/** What a point whose policy asks for hooks says of itself; by its tags, where another attempt made it. */
export function pointOf(item: Item, snapshots: readonly Snapshot[]): RecoveryPointSummary {
  return {
    recoveryPointId: item.now.recoveryPointId,
    resourceId: resourceOf(item),
    created: item.created,
    snapshotIds: snapshots.map(({ SnapshotId = '' }) => SnapshotId),
    volumeIds: snapshots.map(({ VolumeId = '' }) => VolumeId),
    fullBytes: snapshots.reduce((sum, { FullSnapshotSizeInBytes = 0 }) => sum + FullSnapshotSizeInBytes, 0),
    ...consistencyOf(item, snapshots),
    ...(item.now.droppedTags?.length && { droppedTags: item.now.droppedTags }),
    ...(item.now.takenAlong && { takenAlong: item.now.takenAlong }),
  };
}

function consistencyOf(
  { consistency, crashBecause }: Item,
  snapshots: readonly Snapshot[],
): Pick<RecoveryPointSummary, 'consistency' | 'crashBecause'> {
  const told = consistency ?? tagMap(snapshots[0]?.Tags)[TAG.consistency];
  return { ...(isConsistency(told) && { consistency: told }), ...(crashBecause && { crashBecause }) };
}
