import type { CommittedBatch } from '../../../activities/encryption/snapshots/copyCommit';
import { FAILURE } from '../../../model/failures';
import type { FailedItem } from '../../../model/outcome';
import type { ProgressRow } from '../../../model/progress';
import { batch, mutate } from '../../support/options';
import type { UndoReport } from '../../support/undo';
import type { CommitOrder } from './orders';
import { copyRow, failedRow, keptRow, sparedRow, unknownRow } from './rows';
import type { SnapshotState } from './state';
import { withMore, waiting, type Tally } from './tally';

/** What a run gives to the commands of 0.1.0. */
interface ByTags {
  state: SnapshotState;
  add(more: Partial<Tally>): void;
  show(rows: readonly ProgressRow[]): void;
  goOn(): Promise<void>;
}

/** As 0.1.0 committed; its histories replay with it. The activities look after what they may delete. */
export async function commitByTags(run: ByTags, order: CommitOrder): Promise<undefined> {
  const { scope } = run.state;
  const only = order.items;
  const dealtWith = new Set<string>();
  for (let cursor = run.state.committing?.cursor; ;) {
    const part = await batch('Commit the next copies').commitEncryptions({ scope, only, cursor });
    const copyIds = part.encrypted.map(({ copyId }) => copyId);
    if (copyIds.length > 0)
      await mutate(`Settle ${copyIds.length} copies`).settleEncryptions({ scope, copyIds });
    for (const item of recordCommitted(run, part)) dealtWith.add(item);
    cursor = part.cursor;
    if (cursor === undefined) break;
    run.state.committing = { order, cursor };
    await run.goOn();
  }
  delete run.state.committing;
  if (only) run.show(only.filter((item) => !dealtWith.has(item)).map(unknownRow));
  else nameLost(run, waiting(run.state.tally), dealtWith);
}

function recordCommitted(run: ByTags, { encrypted, kept, failed }: CommittedBatch): string[] {
  const { tally } = run.state;
  const items = [
    ...encrypted.map(({ snapshotId }) => snapshotId),
    ...[...kept, ...failed].map(({ item }) => item),
  ];
  run.add({
    encrypted: withMore(tally.encrypted, encrypted),
    kept: withMore(tally.kept, kept),
    failed: withMore(tally.failed, failed),
    dealtWith: tally.dealtWith + items.length,
  });
  run.show(encrypted.map((each) => copyRow(each, 'encrypted')));
  run.show(kept.map(keptRow));
  run.show(failed.map(failedRow));
  return items;
}

/**
 * Copies that were complete, and that the run does not find: their originals are there.
 *
 * @param except originals of which more is known
 */
export function nameLost(
  run: Pick<ByTags, 'state' | 'add' | 'show'>,
  lost: number,
  except: ReadonlySet<string>,
): void {
  const { tally } = run.state;
  if (lost <= 0) return;
  const listed = new Set([
    ...tally.encrypted.items.map((each) => each.snapshotId),
    ...[...tally.kept.items, ...tally.failed.items].map((each) => each.item),
  ]);
  const named = tally.copied.items
    .filter(({ snapshotId }) => !except.has(snapshotId) && !listed.has(snapshotId))
    .slice(0, lost)
    .map(({ snapshotId, copyId }) => ({
      item: snapshotId,
      type: FAILURE.resourceFailed,
      message: `its encrypted copy ${copyId} is gone, or nothing proves that this run made it. Run this again`,
    }));
  run.add({
    failed: withMore(tally.failed, { items: named, total: lost }),
    dealtWith: tally.dealtWith + lost,
  });
  run.show(named.map(failedRow));
}

/** As 0.1.0 took back. */
export async function takeBackByTags(run: ByTags): Promise<UndoReport> {
  let deleted = 0;
  for (let afterLag = false; ; afterLag = true) {
    const pass = await takeBackPass(run, afterLag);
    deleted += pass.deleted;
    if (pass.deleted === 0) return { undone: [`${deleted} encrypted copies`], failed: pass.failed };
  }
}

async function takeBackPass(
  run: ByTags,
  afterLag: boolean,
): Promise<{ deleted: number; failed: FailedItem[] }> {
  const { scope } = run.state;
  const pass = { deleted: 0, failed: [] as FailedItem[] };
  for (let cursor: string | undefined; ;) {
    const part = await batch('Delete encrypted copies').takeBackEncryptions({ scope, cursor, afterLag });
    pass.deleted += part.deleted;
    pass.failed.push(...part.failed);
    run.show(part.spared.map(sparedRow));
    cursor = part.cursor;
    if (cursor === undefined) return pass;
  }
}
