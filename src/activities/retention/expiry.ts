import { Context } from '@temporalio/activity';
import { DeleteSnapshotCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { periodStart } from '../../calendar/calendar';
import { decideArchival } from '../../model/points/archival';
import type { UnknownHold } from '../../model/retention/hold';
import type { FailedItem } from '../../model/outcome';
import type { Stranger } from '../../model/points/pointClaims';
import type {
  ExpiryDecision,
  KeepReason,
  KeptPoint,
  PolicyNow,
  SnapshotNow,
} from '../../model/points/retention';
import type { OthersCount } from '../../model/points/snapshotOwner';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { decideExpiryNow } from './expiryNow';
import { failedItem, tryOnceMore, passes } from '../support/failedItem';
import { unlessGone } from '../support/unlessGone';
import { twoLooks } from './goneSources';
import { countOthers } from '../points/otherSnapshots';
import { readPointsAgain } from './pointsAgain';
import { readPointsNow } from './pointsNow';
import { deleteSnapshot } from '../points/recoveryPoints';
import { inChunks } from '../../model/group';

/** Points that one decision hands over for deletion; the workflow asks again until none is left. */
const POINTS_A_BATCH = 100;
/** Few enough that what was looked at is deleted within seconds. */
const POINTS_A_LOOK = 20;
const KEPT_SHOWN = 100;

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
  /** The first of those whose marks are copied. */
  strangers?: Stranger[];
  strangersTotal?: number;
  /** Legal holds that are open and do not say what they hold. */
  holdsNotKnown?: UnknownHold[];
}

export interface DeletedPoints {
  deleted: string[];
  failed: FailedItem[];
  /** What came between the decision and the deletion: they stay. */
  kept?: KeptPoint[];
}

interface PlanExpiryRequest {
  target: Target;
  policies: PolicyNow[];
  except: string[];
}

interface DeletePointsRequest {
  target: Target;
  points: ExpiryDecision['expired'];
  /** Sources of which a person lets the last points go. */
  letGo?: string[];
}

export function expiryActivities(deps: Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal' | 'settings'>) {
  const { aws, calendar } = deps;
  return {
    /**
     * Looks at every snapshot of Holdfast's in a place and decides which points may go. Points in `except` were
     * tried already.
     */
    async planExpiry({ target, policies, except }: PlanExpiryRequest): Promise<ExpiryPlan> {
      const { snapshots, strangers, holdsNotKnown, ...facts } = await readPointsNow(deps, target);
      const decision = await decideExpiryNow(deps, target, {
        snapshots,
        policies,
        ...facts,
        now: calendar.now(),
      });
      const tried = new Set(except);
      const open = decision.expired.filter(({ recoveryPointId }) => !tried.has(recoveryPointId));
      return {
        expired: open.slice(0, POINTS_A_BATCH),
        expiredTotal: open.length,
        kept: decision.kept.slice(0, KEPT_SHOWN),
        keptTotal: decision.kept.length,
        keptByReason: countReasons(decision),
        others: await countOthers(aws.ec2(target, 'retention')),
        archive: archivable(snapshots, decision, calendar.now()).slice(0, POINTS_A_BATCH),
        strangers: strangers.slice(0, KEPT_SHOWN),
        strangersTotal: strangers.length,
        holdsNotKnown: holdsNotKnown.slice(0, KEPT_SHOWN),
      };
    },

    /**
     * Deletes points, each only when everything that decided it holds still: a moment before, their lineages, policies, holds,
     * locks, images and copies are asked again. A set goes whole or stays whole as far as can be known before; what others
     * have deleted counts as deleted.
     */
    async deletePoints({ target, points, letGo }: DeletePointsRequest): Promise<DeletedPoints> {
      const ec2 = aws.ec2(target, 'retention');
      const result: Required<DeletedPoints> = { deleted: [], failed: [], kept: [] };
      const look = twoLooks(deps);
      for (const few of inChunks(points, POINTS_A_LOOK)) {
        Context.current().heartbeat(result.deleted.length);
        const again = await readPointsAgain(deps, target, few, letGo, look);
        result.deleted.push(...again.gone);
        result.failed.push(...again.changed);
        result.kept.push(...again.kept);
        for (const point of again.expired) await deleteOne(ec2, point, result);
      }
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

async function deleteOne(
  ec2: EC2Client,
  { recoveryPointId, snapshotIds }: ExpiryDecision['expired'][number],
  result: DeletedPoints,
): Promise<void> {
  Context.current().heartbeat(result.deleted.length);
  Context.current().cancellationSignal.throwIfAborted();
  const gone: string[] = [];
  try {
    // The first is no different from asking: when it is refused, all of them stay.
    for (const snapshotId of snapshotIds.slice(1)) await requireDeletable(ec2, snapshotId);
    for (const snapshotId of snapshotIds) {
      await tryOnceMore(() => deleteSnapshot(ec2, snapshotId));
      gone.push(snapshotId);
    }
    result.deleted.push(recoveryPointId);
  } catch (error) {
    // The next attempt finds what is left, and goes on.
    if (passes(error)) throw error;
    const failure = failedItem(recoveryPointId, error);
    const left = snapshotIds.filter((id) => !gone.includes(id));
    result.failed.push(gone.length === 0 ? failure : { ...failure, message: halved(gone, left, failure) });
  }
}

function halved(gone: readonly string[], left: readonly string[], { message }: FailedItem): string {
  return `only a part of the set is deleted (${gone.join(', ')}), so that it counts as no recovery point any more; ${left.join(', ')} stayed, and the next run tries again: ${message}`;
}

/** Whether EC2 would let it go, as far as it says so before: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html */
async function requireDeletable(ec2: EC2Client, SnapshotId: string): Promise<void> {
  const tried = tryOnceMore(async () => {
    try {
      await ec2.send(new DeleteSnapshotCommand({ SnapshotId, DryRun: true }));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'DryRunOperation') throw error;
    }
  });
  await unlessGone(tried);
}

function countReasons({ kept }: ExpiryDecision): ExpiryPlan['keptByReason'] {
  const counts: ExpiryPlan['keptByReason'] = {};
  for (const { reason } of kept) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
