import { Context } from '@temporalio/activity';
import {
  DescribeSnapshotTierStatusCommand,
  ModifySnapshotTierCommand,
  paginateDescribeSnapshotTierStatus,
  RestoreSnapshotTierCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { classify } from '../aws/classify';
import { FAILURE } from '../model/failures';
import type { FailedItem } from '../model/outcome';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { failedItem, onceMore } from './failedItem';
import { Sightings } from './gone';
import { isOwnSnapshot, snapshotsById, snapshotsOf } from './recoveryPoints';
import { sleep } from './waits';

/** What takes hours need not be looked at every few seconds. */
const LOOK_EVERY_POLLS = 4;

interface Point {
  recoveryPointId: string;
  snapshotIds: string[];
}

interface RestoreRequest {
  target: Target;
  recoveryPointId: string;
  /** Days after which it is in the archive alone again; without it, it leaves the archive. */
  days?: number | undefined;
}

/** EBS Snapshots Archive: https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html */
export function archiveActivities({ aws, settings }: ActivityDeps) {
  return {
    /** Sends points to the archive. One that is there already, or on its way, counts; one that is gone does not. */
    async archivePoints({
      target,
      points,
    }: {
      target: Target;
      points: Point[];
    }): Promise<{ archived: string[]; failed: FailedItem[] }> {
      const ec2 = aws.ec2(target, 'retention');
      const result: { archived: string[]; failed: FailedItem[] } = { archived: [], failed: [] };
      for (const { recoveryPointId, snapshotIds } of points) {
        Context.current().heartbeat(result.archived.length);
        Context.current().cancellationSignal.throwIfAborted();
        try {
          await onceMore(() => archive(ec2, snapshotIds));
          result.archived.push(recoveryPointId);
        } catch (error) {
          if (error instanceof Error && classify(error.name).type === FAILURE.throttled) throw error;
          result.failed.push(failedItem(recoveryPointId, error));
        }
      }
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
      const snapshots = (await snapshotsOf(ec2, [recoveryPointId])).get(recoveryPointId) ?? [];
      if (snapshots.length === 0) throw noSuchPoint(recoveryPointId, target);
      const ids = snapshots.map(({ SnapshotId = '' }) => SnapshotId);
      const coming = await tieringOf(ec2, ids, COMING_BACK);
      for (const { SnapshotId = '', StorageTier } of snapshots) {
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
        if (gone) throw ApplicationFailure.nonRetryable(`${gone} was deleted meanwhile`, FAILURE.notFound);
        const allShown = snapshots.size === snapshotIds.length;
        if (allShown && [...snapshots.values()].every(({ StorageTier }) => StorageTier !== 'archive')) return;
        Context.current().heartbeat();
        await sleep(LOOK_EVERY_POLLS * settings.pollMs);
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

async function archive(ec2: EC2Client, snapshotIds: readonly string[]): Promise<void> {
  const going = await tieringOf(ec2, snapshotIds, IN_ARCHIVE);
  for (const snapshot of (await snapshotsById(ec2, snapshotIds)).values()) {
    const { SnapshotId = '', StorageTier } = snapshot;
    if (!isOwnSnapshot(snapshot))
      throw new Error(`${SnapshotId} has changed since the decision: its marks are gone`);
    if (StorageTier === 'archive' || going.has(SnapshotId)) continue;
    await ec2.send(new ModifySnapshotTierCommand({ SnapshotId, StorageTier: 'archive' }));
  }
}

const COMING_BACK = ['temporary-restore-in-progress', 'permanent-restore-in-progress'];
/** The snapshot itself says `standard` on its way there, and while it is back for some days. */
export const IN_ARCHIVE = [
  'archival-in-progress',
  'temporary-restore-in-progress',
  'temporary-restore-completed',
];

/** Those whose last change of tier is one of these; of all own snapshots when no ids are given. */
export async function tieringOf(
  ec2: EC2Client,
  snapshotIds: readonly string[] | undefined,
  operations: string[],
): Promise<Set<string>> {
  const Filters = [
    { Name: 'last-tiering-operation', Values: operations },
    ...(snapshotIds ? [{ Name: 'snapshot-id', Values: [...snapshotIds] }] : []),
  ];
  const found = new Set<string>();
  const pages = paginateDescribeSnapshotTierStatus({ client: ec2, pageSize: 500 }, { Filters });
  for await (const { SnapshotTierStatuses = [] } of pages)
    for (const { SnapshotId = '' } of SnapshotTierStatuses) found.add(SnapshotId);
  return found;
}

function noSuchPoint(recoveryPointId: string, target: Target): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `recoveryPointId: ${targetKey(target)} has no recovery point ${recoveryPointId}; name the target that it is in`,
    FAILURE.notFound,
  );
}
