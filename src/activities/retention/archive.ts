import { Context } from '@temporalio/activity';
import {
  DescribeSnapshotTierStatusCommand,
  ModifySnapshotTierCommand,
  RestoreSnapshotTierCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import type { ApplicationFailure } from '@temporalio/common';
import { notFound } from '../../aws/applicationFailures';
import { inChunks } from '../../model/group';
import type { FailedItem } from '../../model/outcome';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem, tryOnceMore, passes } from '../support/failedItem';
import { COMING_BACK, IN_ARCHIVE, findTiering } from '../points/tiers';
import { Sightings } from '../support/gone';
import { readPointsAgain } from './pointsAgain';
import { snapshotsById, readSnapshotsOf } from '../points/recoveryPoints';
import { sleep } from '../support/pace/waits';
import { readVolumePermissions } from '../points/permissions';

/** What takes hours need not be looked at every few seconds. */
const LOOK_EVERY_POLLS = 4;
/** Few enough that what was looked at is archived within seconds. */
const POINTS_A_LOOK = 20;

interface Point {
  recoveryPointId: string;
  snapshotIds: string[];
}

export interface ArchivedPoints {
  archived: string[];
  failed: FailedItem[];
  /** Points that stay where they are, and why. */
  left?: { recoveryPointId: string; reason: string }[];
}

interface RestoreRequest {
  target: Target;
  recoveryPointId: string;
  /** Days after which it is in the archive alone again; without it, it leaves the archive. */
  days?: number | undefined;
}

/** EBS Snapshots Archive: https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html */
export function archiveActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  return {
    /**
     * Sends points to the archive, each only when what decided it holds still: for 90 days that cannot be undone, what is archived
     * cannot be copied, and archiving ends its sharing. One that is there already, or on its way, counts.
     */
    async archivePoints({ target, points }: { target: Target; points: Point[] }): Promise<ArchivedPoints> {
      const result: Required<ArchivedPoints> = { archived: [], failed: [], left: [] };
      for (const few of inChunks(points, POINTS_A_LOOK)) await archiveSome(deps, target, few, result);
      return result;
    },

    /**
     * Brings what is archived of a point back, for some days or for good.
     *
     * @returns its snapshots
     * @throws ApplicationFailure NotFound
     */
    async restoreArchived({ target, recoveryPointId, days }: RestoreRequest): Promise<string[]> {
      const ec2 = aws.ec2(target, 'restore');
      const snapshots = (await readSnapshotsOf(ec2, [recoveryPointId])).get(recoveryPointId) ?? [];
      if (snapshots.length === 0) throw noSuchPoint(recoveryPointId, target);
      const ids = snapshots.map(({ SnapshotId }) => SnapshotId);
      const coming = await findTiering(ec2, ids, COMING_BACK);
      for (const { SnapshotId, StorageTier } of snapshots) {
        if (StorageTier !== 'archive' || coming.has(SnapshotId)) continue;
        const how = days === undefined ? { PermanentRestore: true } : { TemporaryRestoreDays: days };
        await ec2.send(new RestoreSnapshotTierCommand({ SnapshotId, ...how }));
      }
      return ids;
    },

    /** Until all of them can be used: EBS takes up to 72 hours. */
    async awaitRestored({ target, snapshotIds }: { target: Target; snapshotIds: string[] }): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      const sightings = new Sightings(settings);
      for (;;) {
        const snapshots = await snapshotsById(ec2, snapshotIds);
        const [gone] = sightings.gone(snapshotIds, snapshots.keys());
        if (gone) throw notFound(`${gone} was deleted meanwhile`);
        const allShown = snapshots.size === snapshotIds.length;
        if (allShown && [...snapshots.values()].every(({ StorageTier }) => StorageTier !== 'archive')) return;
        Context.current().heartbeat();
        const isUnsure = snapshots.size < snapshotIds.length;
        await sleep(isUnsure ? settings.pollMs : LOOK_EVERY_POLLS * settings.pollMs);
      }
    },

    /** When the first of them is in the archive alone again; undefined when they are back for good. */
    async restoredUntil({
      target,
      snapshotIds,
    }: {
      target: Target;
      snapshotIds: string[];
    }): Promise<string | undefined> {
      const ids = [{ Name: 'snapshot-id', Values: snapshotIds }];
      const { SnapshotTierStatuses = [] } = await aws
        .ec2(target, 'read')
        .send(new DescribeSnapshotTierStatusCommand({ Filters: ids }));
      const ends = SnapshotTierStatuses.flatMap(({ RestoreExpiryTime }) => RestoreExpiryTime ?? []);
      return ends.map((end) => end.toISOString()).sort()[0];
    },
  };
}

async function archiveSome(
  deps: ActivityDeps,
  target: Target,
  points: readonly Point[],
  result: Required<ArchivedPoints>,
): Promise<void> {
  const { ec2, read } = { ec2: deps.aws.ec2(target, 'retention'), read: deps.aws.ec2(target, 'read') };
  const isGoing = await findOnTheWay(
    ec2,
    points.flatMap(({ snapshotIds }) => snapshotIds),
  );
  const again = await readPointsAgain(deps, target, [...points]);
  result.failed.push(...again.changed);
  const changed = new Set(again.changed.map(({ item }) => item));
  for (const { recoveryPointId, snapshotIds } of points) {
    Context.current().heartbeat(result.archived.length);
    Context.current().cancellationSignal.throwIfAborted();
    if (changed.has(recoveryPointId) || again.gone.includes(recoveryPointId)) continue;
    // What an attempt before this one began is seen to its end: the whole set goes.
    const isBegun = snapshotIds.some(isGoing);
    if (!isBegun && !again.archive.some((point) => point.recoveryPointId === recoveryPointId)) {
      result.left.push({ recoveryPointId, reason: DECIDED_OTHERWISE });
      continue;
    }
    try {
      const shared = isBegun ? undefined : await whyShared(read, snapshotIds);
      if (shared) result.left.push({ recoveryPointId, reason: shared });
      else {
        await tryOnceMore(() => archive(ec2, snapshotIds));
        result.archived.push(recoveryPointId);
      }
    } catch (error) {
      if (passes(error)) throw error;
      result.failed.push(failedItem(recoveryPointId, error));
    }
  }
}

async function archive(ec2: EC2Client, snapshotIds: readonly string[]): Promise<void> {
  const isGoing = await findOnTheWay(ec2, snapshotIds);
  for (const SnapshotId of snapshotIds)
    if (!isGoing(SnapshotId))
      await ec2.send(new ModifySnapshotTierCommand({ SnapshotId, StorageTier: 'archive' }));
}

async function findOnTheWay(
  ec2: EC2Client,
  snapshotIds: readonly string[],
): Promise<(snapshotId: string) => boolean> {
  const going = await findTiering(ec2, snapshotIds, IN_ARCHIVE);
  const there = await snapshotsById(ec2, snapshotIds);
  return (id) => going.has(id) || there.get(id)?.StorageTier === 'archive';
}

const DECIDED_OTHERWISE = 'what decided it has changed meanwhile';

/** Who uses one of them now would lose it: https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html */
async function whyShared(ec2: EC2Client, snapshotIds: readonly string[]): Promise<string | undefined> {
  for (const id of snapshotIds) {
    const { accounts, public: isPublic } = await readVolumePermissions(ec2, id);
    if (isPublic) return `${id} is public, and archiving would end that`;
    if (accounts.length > 0)
      return `${id} is shared with ${accounts.join(', ')}, and archiving would end that`;
  }
  return undefined;
}

function noSuchPoint(recoveryPointId: string, target: Target): ApplicationFailure {
  return notFound(
    `recoveryPointId: ${targetKey(target)} has no recovery point ${recoveryPointId}; name the target that it is in`,
  );
}
