import { Context } from '@temporalio/activity';
import { paginateDescribeSnapshots, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { classify } from '../aws/classify';
import { periodStart } from '../calendar/calendar';
import { parseArchive } from '../model/archive';
import { placeOfCopy } from '../model/copy';
import { COPY_VOLUME } from '../model/encryptedCopy';
import type { FailedItem } from '../model/outcome';
import { TAG } from '../model/names';
import { decideArchival } from '../model/archival';
import { isHeld, readRecoveryPoint } from '../model/recoveryPoint';
import {
  decideExpiry,
  type ExpiryDecision,
  type KeepReason,
  type PolicyNow,
  type SnapshotNow,
} from '../model/retention';
import type { OthersCount } from '../model/snapshotOwner';
import { targetKey, type Target } from '../model/target';
import { FAILURE } from '../model/failures';
import { IN_ARCHIVE, tieringOf } from './archive';
import type { ActivityDeps } from './deps';
import { failedItem, onceMore } from './failedItem';
import { tagMap } from './imageReads';
import { instancesById, volumesById } from './inventory';
import { countOthers } from './others';
import { lockedSnapshots, usedByImages } from './snapshotUse';
import { deleteSnapshot, isOwnSnapshot, snapshotsById, snapshotsOf, withoutReplaced } from './recoveryPoints';

/** Points that one decision hands over for deletion; the workflow asks again until none is left. */
const POINTS_A_BATCH = 100;
/** Few enough that what was looked at is deleted within seconds. */
const POINTS_A_LOOK = 20;
const KEPT_SHOWN = 100;
/** What has no copy after so long will get none: the job that copied it has failed, and said so. */
const COPIES_TAKE_AT_MOST_MS = 7 * 86_400_000;

export interface ExpiryPlan {
  expired: ExpiryDecision['expired'];
  /** Points that may go, this batch included. */
  expiredTotal: number;
  /** The first ones; all are counted. */
  kept: ExpiryDecision['kept'];
  keptTotal: number;
  keptByReason: Partial<Record<KeepReason, number>>;
  /** Points that are cheaper in the archive, once the expired ones are gone. */
  archive: ExpiryDecision['expired'];
  others: OthersCount;
}

export function expiryActivities({ aws, clock }: ActivityDeps) {
  return {
    /**
     * Looks at every snapshot of Holdfast's in a place and decides which points may go. Points in `except` were
     * tried already.
     */
    async planExpiry({
      target,
      policies,
      except,
    }: {
      target: Target;
      policies: PolicyNow[];
      except: string[];
    }): Promise<ExpiryPlan> {
      const ec2 = aws.ec2(target, 'retention');
      const snapshots = await snapshotsNow(ec2);
      await markUncopied({ aws, clock }, target, snapshots);
      const existingSources = await sourcesThatExist(aws, target, snapshots);
      const decision = decideExpiry({
        snapshots,
        policies,
        existingSources,
        now: clock.now(),
        periodStart,
      });
      const open = decision.expired.filter(({ recoveryPointId }) => !except.includes(recoveryPointId));
      return {
        expired: open.slice(0, POINTS_A_BATCH),
        expiredTotal: open.length,
        kept: decision.kept.slice(0, KEPT_SHOWN),
        keptTotal: decision.kept.length,
        keptByReason: countReasons(decision),
        others: await countOthers(ec2),
        archive: archivable(snapshots, decision, clock.now()).slice(0, POINTS_A_BATCH),
      };
    },

    /** Deletes points, a moment after a look at what they are now; what others have deleted counts as deleted. */
    async deletePoints({
      target,
      points,
    }: {
      target: Target;
      points: ExpiryDecision['expired'];
    }): Promise<{ deleted: string[]; failed: FailedItem[] }> {
      const ec2 = aws.ec2(target, 'retention');
      const result: { deleted: string[]; failed: FailedItem[] } = { deleted: [], failed: [] };
      for (let start = 0; start < points.length; start += POINTS_A_LOOK)
        await deleteSome(ec2, points.slice(start, start + POINTS_A_LOOK), result);
      return result;
    },
  };
}

function archivable(
  snapshots: readonly SnapshotNow[],
  { expired }: ExpiryDecision,
  now: number,
): ExpiryDecision['expired'] {
  const gone = new Set(expired.map(({ recoveryPointId }) => recoveryPointId));
  const staying = snapshots.filter(({ recoveryPointId }) => !gone.has(recoveryPointId));
  return decideArchival({ snapshots: staying, now, periodStart });
}

/** A point at a time, after one look at all of them: a call for each would double what expiry costs. */
async function deleteSome(
  ec2: EC2Client,
  points: ExpiryDecision['expired'],
  result: { deleted: string[]; failed: FailedItem[] },
): Promise<void> {
  const now = await snapshotsById(
    ec2,
    points.flatMap(({ snapshotIds }) => snapshotIds),
  );
  for (const { recoveryPointId, snapshotIds } of points) {
    Context.current().heartbeat(result.deleted.length);
    Context.current().cancellationSignal.throwIfAborted();
    try {
      const snapshots = snapshotIds.flatMap((id) => now.get(id) ?? []);
      await onceMore(() => deletePoint(ec2, snapshots));
      result.deleted.push(recoveryPointId);
    } catch (error) {
      if (error instanceof Error && classify(error.name).type === FAILURE.throttled) throw error;
      result.failed.push(failedItem(recoveryPointId, error));
    }
  }
}

async function deletePoint(ec2: EC2Client, snapshots: readonly Snapshot[]): Promise<void> {
  const held = snapshots.find((snapshot) => !isOwnSnapshot(snapshot) || isHeld(tagMap(snapshot.Tags)));
  if (held)
    throw new Error(`${held.SnapshotId} has changed since the decision: it is held, or its marks are gone`);
  for (const { SnapshotId = '' } of snapshots) await deleteSnapshot(ec2, SnapshotId);
}

async function snapshotsNow(ec2: EC2Client): Promise<SnapshotNow[]> {
  const own: Snapshot[] = [];
  const Filters = [{ Name: 'tag-key', Values: [TAG.recoveryPoint] }];
  for await (const { Snapshots = [] } of paginateDescribeSnapshots(
    { client: ec2, pageSize: 1000 },
    { OwnerIds: ['self'], Filters },
  )) {
    Context.current().heartbeat(own.length);
    own.push(...Snapshots);
  }
  if (own.length === 0) return [];
  const [used, locked] = [await usedByImages(ec2), await lockedSnapshots(ec2)];
  const copying = new Set(
    own.filter(({ State, VolumeId }) => State === 'pending' && VolumeId === COPY_VOLUME).map(pointId),
  );
  const archived = await inArchive(ec2, own);
  return withoutReplaced(own).flatMap((snapshot) => {
    const { SnapshotId: snapshotId = '', VolumeId: volumeId = '', Description: description = '' } = snapshot;
    const point = readRecoveryPoint({ snapshotId, volumeId, description, tags: tagMap(snapshot.Tags) });
    if (!point) return [];
    return {
      ...point,
      completed: snapshot.State === 'completed',
      locked: locked.has(snapshotId),
      usedByImage: used.has(snapshotId),
      copyRunning: copying.has(point.recoveryPointId),
      archived: snapshot.StorageTier === 'archive' || archived.has(snapshotId),
    };
  });
}

/** Who archives nothing is not asked for. */
async function inArchive(ec2: EC2Client, own: readonly Snapshot[]): Promise<Set<string>> {
  const mayArchive = own.some(({ Tags }) => parseArchive(tagMap(Tags)[TAG.retention] ?? ''));
  return mayArchive ? tieringOf(ec2, undefined, IN_ARCHIVE) : new Set();
}

function pointId({ Tags }: Snapshot): string {
  return tagMap(Tags)[TAG.recoveryPoint] ?? '';
}

/** The points that are due to go, and belong in other places, where they are not yet: their copies are under way. */
async function markUncopied(
  { aws, clock }: Pick<ActivityDeps, 'aws' | 'clock'>,
  { accountId }: Target,
  snapshots: SnapshotNow[],
): Promise<void> {
  const oldest = clock.now() - COPIES_TAKE_AT_MOST_MS;
  const due = snapshots.filter(
    ({ expiresAt = Infinity, takenAt }) => expiresAt <= clock.now() && takenAt > oldest,
  );
  for (const place of new Set(due.flatMap(({ copyPlaces }) => copyPlaces))) {
    const wanted = due.filter(({ copyPlaces }) => copyPlaces.includes(place));
    const there = aws.ec2(placeOfCopy(place, accountId), 'read');
    const copied = await snapshotsOf(there, [...new Set(wanted.map((each) => each.recoveryPointId))]);
    for (const snapshot of wanted) {
      const copies = copied.get(snapshot.recoveryPointId) ?? [];
      const isCopied = copies.some(
        ({ State, Tags }) =>
          State === 'completed' &&
          [snapshot.snapshotId, snapshot.encryptedFrom].includes(tagMap(Tags)[TAG.copyOf] ?? ''),
      );
      if (!isCopied) snapshot.copyRunning = true;
    }
  }
}

/** A copy's instance or volume is in another region than the copy. */
async function sourcesThatExist(
  aws: ActivityDeps['aws'],
  target: Target,
  snapshots: readonly SnapshotNow[],
): Promise<Set<string>> {
  const places = new Map<string, { place: Target; ids: Set<string> }>();
  for (const { sourceId, sourceTarget: place = target } of snapshots) {
    const known = places.get(targetKey(place)) ?? { place, ids: new Set() };
    places.set(targetKey(place), known);
    known.ids.add(sourceId);
  }
  const found = new Set<string>();
  for (const { place, ids } of places.values())
    for (const id of await existing(aws.ec2(place, 'read'), [...ids])) found.add(id);
  return found;
}

async function existing(ec2: EC2Client, sourceIds: string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { InstanceId = '', State } of instancesById(
    ec2,
    sourceIds.filter((id) => id.startsWith('i-')),
  )) {
    if (State?.Name !== 'terminated') found.add(InstanceId);
  }
  for await (const { VolumeId = '' } of volumesById(
    ec2,
    sourceIds.filter((id) => id.startsWith('vol-')),
  ))
    found.add(VolumeId);
  return found;
}

function countReasons({ kept }: ExpiryDecision): ExpiryPlan['keptByReason'] {
  const counts: ExpiryPlan['keptByReason'] = {};
  for (const { reason } of kept) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
