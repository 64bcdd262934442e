import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import { volumeOf } from '../../model/points/pointClaims';
import type { FailedItem } from '../../model/outcome';
import type { Item } from './items';
import { failedItem, onceMore, passes } from '../support/failedItem';
import { claims, deleteSnapshot } from '../points/recoveryPoints';
import { knownSnapshots } from '../support/known';

/** What the activity's next attempt is to know. */
interface Progress {
  open: number;
  completed: number;
  /** Snapshot ids that calls were answered, by recovery point: these are this run's own, whatever marks others carry. */
  recorded: Record<string, string[]>;
  /** For people: why some have not begun. */
  waitingFor?: string;
}

export function recordedBefore(): Progress['recorded'] {
  const details = Context.current().info.heartbeatDetails as Partial<Progress> | undefined;
  return details?.recorded ?? {};
}

export function heartbeat(
  open: number,
  completed: number,
  items: readonly Item[],
  waitingFor: string | undefined,
): void {
  const own = items.filter(({ recorded }) => recorded.size > 0);
  const recorded = Object.fromEntries(own.map((item) => [item.now.recoveryPointId, [...item.recorded]]));
  const details: Progress = { open, completed, recorded, ...(waitingFor && { waitingFor }) };
  Context.current().heartbeat(details);
}

export function record(item: Item, answered: readonly Snapshot[]): void {
  for (const { SnapshotId } of answered) if (SnapshotId) item.recorded.add(SnapshotId);
}

/**
 * Deletes what this run has made and nobody needs. The role for backups may not delete, where people follow the advice on roles, and
 * a lock forbids it: that is the unit's own trouble, and no other's.
 *
 * @returns why one of them stays
 */
export async function discard(
  ec2: EC2Client,
  item: Item,
  snapshotIds: readonly string[],
): Promise<FailedItem | undefined> {
  for (const id of snapshotIds) {
    try {
      await onceMore(() => deleteSnapshot(ec2, id));
      item.discarded.add(id);
    } catch (error) {
      if (passes(error)) throw error;
      item.discarded.add(id);
      return failedItem(id, error);
    }
  }
  return undefined;
}

export function notDeleted({ now }: Item, what: string, { item, type, message }: FailedItem): FailedItem {
  return {
    item: now.unit.resourceId,
    type,
    message: `${now.recoveryPointId}: ${item}, ${what}, stays: ${message}; delete it by hand`,
  };
}

/**
 * The set of a point, one snapshot a volume: of several the first, for marks are copied from what is there already. What this run
 * itself made besides, because an answer was lost or another run was quicker, it deletes by the ids that it was answered;
 * whatever else carries the marks is not its to touch.
 */
export async function setOf(ec2: EC2Client, item: Item, marked: readonly Snapshot[]): Promise<Snapshot[]> {
  const { own, rivals } = claims(
    knownSnapshots(marked).filter(({ SnapshotId }) => !item.discarded.has(SnapshotId)),
  );
  item.rivals.clear();
  for (const { snapshotId } of own) {
    const others = (rivals.get(snapshotId) ?? []).filter((id) => id !== snapshotId);
    const made = others.filter((each) => item.recorded.has(each));
    const stays = await discard(ec2, item, made);
    if (stays) item.problem ??= notDeleted(item, 'which it made twice', stays);
    const left = others.filter((id) => !item.discarded.has(id));
    if (left.length > 0) item.rivals.set(snapshotId, left);
  }
  return own.map((each) => ({ ...each.snapshot, VolumeId: volumeOf(each) }));
}
