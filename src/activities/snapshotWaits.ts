import { Context, sleep } from '@temporalio/activity';
import { DeleteSnapshotCommand, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { FAILURE } from '../model/failures';
import type { RecoveryPointSummary } from '../model/backup';
import type { FailedItem } from '../model/outcome';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { snapshotsOf } from './recoveryPoints';
import type { StartedSet } from './snapshots';

/** A snapshot that was there and is not shown for this many read lags has been deleted by somebody. */
export const LAGS_UNTIL_GONE = 4;

export interface FinishedSets {
  completed: RecoveryPointSummary[];
  failed: FailedItem[];
}

export function snapshotWaitActivities({ aws, settings, clock }: ActivityDeps) {
  return {
    /**
     * Waits until every set has exactly one completed snapshot a volume; one Describe serves many sets. A call whose
     * answer was lost may have left a set twice: the surplus, which carries both of Holdfast's marks, is deleted.
     */
    async awaitSnapshotSets({ target, sets }: { target: Target; sets: StartedSet[] }): Promise<FinishedSets> {
      const ec2 = aws.ec2(target, 'backup');
      const result: FinishedSets = { completed: [], failed: [] };
      const seenAt = new Map(sets.map(({ recoveryPointId }) => [recoveryPointId, clock.now()]));
      for (let open = sets; ; await sleep(settings.pollMs)) {
        Context.current().heartbeat({ waitingFor: open.length });
        const found = await snapshotsOf(
          ec2,
          open.map(({ recoveryPointId }) => recoveryPointId),
        );
        const still: StartedSet[] = [];
        for (const set of open) {
          const snapshots = await withoutSurplus(ec2, found.get(set.recoveryPointId) ?? []);
          const state = stateOf(set, snapshots);
          if (
            state.state === 'missing' &&
            clock.now() - (seenAt.get(set.recoveryPointId) ?? 0) < LAGS_UNTIL_GONE * settings.readLagMs
          )
            still.push(set);
          else if (state.state === 'pending') still.push(set);
          else if (state.state === 'completed') result.completed.push(summary(set, snapshots));
          else
            result.failed.push({
              item: set.resourceId,
              type: FAILURE.resourceFailed,
              message: 'why' in state ? state.why : state.state,
            });
          if (state.state !== 'missing') seenAt.set(set.recoveryPointId, clock.now());
        }
        open = still;
        if (open.length === 0) return result;
      }
    },
  };
}

type SetState = { state: 'completed' | 'pending' } | { state: 'missing' | 'failed'; why: string };

function stateOf({ recoveryPointId, volumeIds }: StartedSet, snapshots: readonly Snapshot[]): SetState {
  const broken = snapshots.find(({ State }) => State === 'error');
  if (broken) {
    return {
      state: 'failed',
      why: `${recoveryPointId}: snapshot ${broken.SnapshotId} failed: ${broken.StateMessage ?? 'EC2 gave no reason'}`,
    };
  }
  const present = new Set(snapshots.map(({ VolumeId }) => VolumeId));
  const missing = volumeIds.filter((id) => !present.has(id));
  if (missing.length > 0) {
    return {
      state: 'missing',
      why: `${recoveryPointId}: the snapshots of ${missing.join(', ')} are gone; somebody deleted them`,
    };
  }
  return { state: snapshots.every(({ State }) => State === 'completed') ? 'completed' : 'pending' };
}

/** Keeps the first snapshot of each volume. Of two sets, that is the whole first one: a set has one start time. */
async function withoutSurplus(ec2: EC2Client, snapshots: readonly Snapshot[]): Promise<Snapshot[]> {
  const age = ({ StartTime, SnapshotId = '' }: Snapshot) => `${StartTime?.toISOString() ?? ''}|${SnapshotId}`;
  const kept = new Map<string, Snapshot>();
  for (const snapshot of [...snapshots].sort((a, b) => age(a).localeCompare(age(b)))) {
    const volumeId = snapshot.VolumeId ?? '';
    if (kept.has(volumeId)) await deleteSnapshot(ec2, snapshot.SnapshotId ?? '');
    else kept.set(volumeId, snapshot);
  }
  return [...kept.values()];
}

/** Deleting what is gone already is done. */
export async function deleteSnapshot(ec2: EC2Client, SnapshotId: string): Promise<void> {
  try {
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function summary(
  { recoveryPointId, resourceId, created }: StartedSet,
  snapshots: readonly Snapshot[],
): RecoveryPointSummary {
  return {
    recoveryPointId,
    resourceId,
    created,
    snapshotIds: snapshots.flatMap(({ SnapshotId }) => SnapshotId ?? []),
  };
}
