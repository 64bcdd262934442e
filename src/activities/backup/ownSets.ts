import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import type { SeenSnapshot } from '../../model/backup/setLook';
import { volumeOf } from '../../model/points/pointClaims';
import type { FailedItem } from '../../model/outcome';
import { telling, type Item } from './items';
import { failedItem, tryOnceMore, passes } from '../support/failedItem';
import { claims, deleteSnapshot } from '../points/recoveryPoints';
import { knownSnapshots } from '../support/known';

type Claim = ReturnType<typeof claims>['own'][number];

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

export function heartbeatProgress(
  items: readonly Item[],
  completed: number,
  waitingFor: string | undefined,
): void {
  Context.current().heartbeat(progressOf(items, completed, waitingFor));
}

export function progressOf(
  items: readonly Item[],
  completed: number,
  waitingFor: string | undefined,
): Progress {
  const open = items.filter(({ state }) => state.step !== 'over').length;
  const own = items.filter((item) => item.own.recorded.size > 0);
  const recorded = Object.fromEntries(own.map(({ now, own }) => [now.recoveryPointId, [...own.recorded]]));
  return { open, completed, recorded, waitingFor };
}

/**
 * Deletes what this run has made and nobody needs. The role for backups may not delete, where people follow the advice on roles, and
 * a lock forbids it: that is the unit's own trouble, and no other's.
 *
 * @returns why one of them stays
 */
export async function discardSnapshots(
  ec2: EC2Client,
  { own }: Item,
  snapshotIds: readonly string[],
): Promise<FailedItem | undefined> {
  for (const id of snapshotIds) {
    try {
      await tryOnceMore(() => deleteSnapshot(ec2, id));
      own.discarded.add(id);
    } catch (error) {
      if (passes(error)) throw error;
      own.discarded.add(id);
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

/** The set of a point, as a look shows it. */
export interface SetLook {
  set: SeenSnapshot[];
  /** By the id of the one that counts: others that claim to be of the same volume, which are not this run's to touch. */
  rivals: ReadonlyMap<string, string[]>;
}

/**
 * One snapshot a volume: of several the first, for marks are copied from what is there already. What this run itself made besides,
 * because an answer was lost or another run was quicker, it deletes by the ids that it was answered; whatever else carries the marks
 * is not its to touch.
 */
export async function setOf(ec2: EC2Client, item: Item, marked: readonly Snapshot[]): Promise<SetLook> {
  const { recorded, discarded } = item.own;
  const { own, rivals } = claimsWithout(discarded, marked);
  const tell = telling(item);
  const left = new Map<string, string[]>();
  for (const { snapshotId } of own) {
    const others = (rivals.get(snapshotId) ?? []).filter((id) => id !== snapshotId);
    const made = others.filter((each) => recorded.has(each));
    const stays = await discardSnapshots(ec2, item, made);
    if (stays) tell(notDeleted(item, 'which it made twice', stays));
    const strange = others.filter((id) => !discarded.has(id));
    if (strange.length > 0) left.set(snapshotId, strange);
  }
  return { set: own.map(seen), rivals: left };
}

/** Who claims to be of a point, without what is no set of it any more. */
export function claimsWithout(discarded: ReadonlySet<string>, marked: readonly Snapshot[]) {
  return claims(knownSnapshots(marked).filter(({ SnapshotId }) => !discarded.has(SnapshotId)));
}

function seen(claim: Claim): SeenSnapshot {
  const { snapshotId, startedAt, tags, snapshot } = claim;
  return {
    snapshotId,
    volumeId: volumeOf(claim),
    state: snapshot.State,
    stateMessage: snapshot.StateMessage,
    startedAt,
    fullBytes: snapshot.FullSnapshotSizeInBytes ?? 0,
    tags,
  };
}
