import type { CopyLedger } from '../../../model/encryption/snapshots/copyLedger';
import { listed, MAX_LISTED, type Listed } from '../../../model/list';
import type { FailedItem, SkippedItem } from '../../../model/outcome';
import type { Residue } from '../../../model/encryption/residue';
import type {
  EncryptedSnapshot,
  EncryptSnapshotsResult,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { targetKey, type Target } from '../../../model/target';

/** The first of a list, and how many there are: small enough to go from run to run. */
interface Bounded<Item> {
  items: Item[];
  total: number;
}

/** What became of a run's snapshots so far. */
export interface Tally {
  /** By the plan. */
  planned: Bounded<string>;
  /** Encrypted before the run. */
  done: Bounded<SkippedItem>;
  kept: Bounded<SkippedItem>;
  copied: Bounded<EncryptedSnapshot>;
  encrypted: Bounded<EncryptedSnapshot>;
  failed: Bounded<FailedItem>;
  /** Copies that a commit has dealt with. */
  dealtWith: number;
  /** What Holdfast keeps for itself. */
  leftOut?: number;
  /** Snapshots that carry the marks of copies, and that no run has recorded. */
  unproven?: Bounded<string>;
}

export function emptyTally(): Tally {
  const none = { items: [], total: 0 };
  return { planned: none, done: none, kept: none, copied: none, encrypted: none, failed: none, dealtWith: 0 };
}

export function withMore<Item>(
  list: Bounded<Item>,
  more: readonly Item[] | Pick<Listed<Item>, 'items' | 'total'>,
): Bounded<Item> {
  const { items, total } = 'items' in more ? more : { items: more, total: more.length };
  return { items: [...list.items, ...items].slice(0, MAX_LISTED), total: list.total + total };
}

/** Copies that wait for a commit. */
export function waiting({ copied, dealtWith }: Tally): number {
  return copied.total - dealtWith;
}

export function resultOfTally(tally: Tally, target: Target, residue: Residue): EncryptSnapshotsResult {
  const { encrypted, done, kept, failed, leftOut = 0, unproven } = tally;
  const skipped = withMore(kept, done);
  return {
    summary: summaryOf(tally, target),
    target,
    encrypted: listed(encrypted.items, encrypted.total),
    skipped: listed(skipped.items, skipped.total),
    failed: listed(failed.items, failed.total),
    ...(leftOut > 0 && { leftOut }),
    ...(unproven && unproven.total > 0 && { unproven: listed(unproven.items, unproven.total) }),
    snapshotIdMap: Object.fromEntries(encrypted.items.map(({ snapshotId, copyId }) => [snapshotId, copyId])),
    residue,
  };
}

function summaryOf({ encrypted, done, kept, failed, leftOut = 0 }: Tally, target: Target): string {
  const total = encrypted.total + done.total + kept.total + failed.total;
  return `${encrypted.total} of ${total} snapshots in ${targetKey(target)} encrypted, ${done.total} were before, ${kept.total} left as they are, ${failed.total} failed${leftOutText(leftOut)}`;
}

/** Of what Holdfast keeps for itself; nothing where there is none. */
export function leftOutText(leftOut: number): string {
  return leftOut > 0 ? `, ${leftOut} more are Holdfast's own and left out` : '';
}

/** Originals that a commit may name. Of 0.1.0's copies, and of more than are listed, nobody here knows all. */
export function known(tally: Tally, recorded: CopyLedger): ReadonlySet<string> | undefined {
  const { encrypted } = tally;
  if (waiting(tally) > recorded.size || encrypted.total > encrypted.items.length) return undefined;
  return new Set([...recorded.copied(), ...encrypted.items.map(({ snapshotId }) => snapshotId)]);
}
