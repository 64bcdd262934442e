import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { CommittedBatch } from '../../activities/snapshotCommit';
import type { SkippedItem } from '../../model/campaign';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import type { ProgressRow } from '../../model/progress';
import type { EncryptedSnapshot, EncryptSnapshotsInput, SnapshotScope } from '../../model/snapshotEncryption';
import type { encryptSnapshots } from '../encryptSnapshots';
import type { Run } from '../support/operation';
import { batch, mutate, protect } from '../support/options';
import type { UndoReport } from '../support/undo';
import type { CommitOrder } from './commitOrders';
import { joined, waiting, type Tally } from './tally';

/** More rows than people read; all are counted. */
const ROWS = 1000;

/** Where a run is, and what it knows: goes on in a new run when the history is long. */
export interface SnapshotState {
  scope: SnapshotScope;
  stage: 'planning' | 'copying' | 'waiting';
  /** Of the stage: id of the last snapshot that was dealt with. */
  cursor?: string;
  tally: Tally;
  /** A commit that an earlier run of the chain has begun. */
  committing?: { order: CommitOrder; cursor: string };
}

/** The passes over a run's snapshots, a page at a time. */
export class SnapshotRun {
  private readonly shown = new Set<string>();

  constructor(
    private readonly input: EncryptSnapshotsInput,
    readonly state: SnapshotState,
    private readonly run: Run,
  ) {}

  get tally(): Tally {
    return this.state.tally;
  }

  /** Looks at everything, and changes nothing. */
  async plan(): Promise<void> {
    await this.pages('planning', async (cursor) => {
      const { scope } = this.state;
      const page = await batch('Plan the next snapshots').planSnapshots({ scope, cursor });
      this.state.scope = { ...scope, begunUntilMs: scope.begunUntilMs ?? page.youngestMs };
      this.add({ planned: joined(this.tally.planned, page.encrypt) });
      this.left(page);
      this.show(page.encrypt.map((item) => ({ item, state: 'planned' })));
      return page.cursor;
    });
  }

  /** What was planned is decided again, page by page, a moment before it is copied. */
  async copy(): Promise<void> {
    const { planned } = this.tally;
    await this.pages('copying', async (cursor) => {
      const { scope } = this.state;
      const summary = `Encrypt the next of ${planned.total} snapshots`;
      const page = await protect(summary).encryptSnapshotPage({ scope, cursor });
      this.add({
        copied: joined(this.tally.copied, page.copied),
        failed: joined(this.tally.failed, page.failed),
      });
      this.left(page);
      this.show(page.copied.map((each) => copyRow(each, 'copied')));
      this.show(page.failed.map(failedRow));
      return page.cursor;
    });
  }

  /** The commit point. What must stay stays, and is listed. */
  async commit(order: CommitOrder): Promise<void> {
    const { scope } = this.state;
    const only = order.items;
    const dealtWith = new Set<string>();
    for (let cursor = this.state.committing?.cursor; ;) {
      const part = await batch('Commit the next copies').commitEncryptions({ scope, only, cursor });
      const copyIds = part.encrypted.map(({ copyId }) => copyId);
      if (copyIds.length > 0)
        await mutate(`Settle ${copyIds.length} copies`).settleEncryptions({ scope, copyIds });
      for (const item of this.committed(part)) dealtWith.add(item);
      cursor = part.cursor;
      if (cursor === undefined) break;
      this.state.committing = { order, cursor };
      await this.goOn();
    }
    delete this.state.committing;
    if (only) this.nameUnknown(only.filter((item) => !dealtWith.has(item)));
    else this.nameLost(dealtWith);
  }

  private committed({ encrypted, kept, failed }: CommittedBatch): string[] {
    const items = [
      ...encrypted.map(({ snapshotId }) => snapshotId),
      ...[...kept, ...failed].map(({ item }) => item),
    ];
    this.add({
      encrypted: joined(this.tally.encrypted, encrypted),
      kept: joined(this.tally.kept, kept),
      failed: joined(this.tally.failed, failed),
      dealtWith: this.tally.dealtWith + items.length,
    });
    this.show(encrypted.map((each) => copyRow(each, 'encrypted')));
    this.show(kept.map(keptRow));
    this.show(failed.map(failedRow));
    return items;
  }

  private nameUnknown(items: readonly string[]): void {
    this.show(items.map((item) => ({ item, state: 'unknown', note: 'no copy of it waits for a commit' })));
  }

  /** Somebody deleted copies that were complete: their originals are there. */
  private nameLost(dealtWith: ReadonlySet<string>): void {
    const lost = waiting(this.tally);
    if (lost <= 0) return;
    const known = this.tally.copied.items.filter(
      ({ snapshotId }) => !dealtWith.has(snapshotId) && !this.isListed(snapshotId),
    );
    const named = known.slice(0, lost).map(({ snapshotId, copyId }) => ({
      item: snapshotId,
      type: FAILURE.resourceFailed,
      message: `its encrypted copy ${copyId} is gone; somebody deleted it before the commit. Run this again`,
    }));
    this.add({
      failed: joined(this.tally.failed, { items: named, total: lost }),
      dealtWith: this.tally.copied.total,
    });
    this.show(named.map(failedRow));
  }

  /** Deletes all copies that are not committed: passes over them, until one finds nothing to delete. */
  async takeBack(): Promise<UndoReport> {
    let deleted = 0;
    // What a pass has deleted may be shown for a while: the next one waits until it is not.
    for (let afterLag = false; ; afterLag = true) {
      const pass = await this.takeBackPass(afterLag);
      deleted += pass.deleted;
      if (pass.deleted === 0) return { undone: [`${deleted} encrypted copies`], failed: pass.failed };
    }
  }

  private async takeBackPass(afterLag: boolean): Promise<{ deleted: number; failed: FailedItem[] }> {
    const { scope } = this.state;
    const pass = { deleted: 0, failed: [] as FailedItem[] };
    for (let cursor: string | undefined; ;) {
      const part = await batch('Delete encrypted copies').takeBackEncryptions({ scope, cursor, afterLag });
      pass.deleted += part.deleted;
      pass.failed.push(...part.failed);
      this.show(part.spared.map(sparedRow));
      cursor = part.cursor;
      if (cursor === undefined) return pass;
    }
  }

  private isListed(snapshotId: string): boolean {
    const { encrypted, kept, failed } = this.tally;
    const items = [
      ...encrypted.items.map((each) => each.snapshotId),
      ...[...kept.items, ...failed.items].map((each) => each.item),
    ];
    return items.includes(snapshotId);
  }

  private async pages(
    stage: SnapshotState['stage'],
    one: (cursor: string | undefined) => Promise<string | undefined>,
  ): Promise<void> {
    if (this.state.stage !== stage) return;
    for (;;) {
      const cursor = await one(this.state.cursor);
      if (cursor === undefined) break;
      this.state.cursor = cursor;
      await this.goOn();
    }
    delete this.state.cursor;
  }

  /** In a new run, when the history of this one is long. */
  async goOn(): Promise<void> {
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof encryptSnapshots>(this.input, this.state);
  }

  private left({ done, kept }: { done: Tally['done']; kept: Tally['kept'] }): void {
    this.add({ done: joined(this.tally.done, done), kept: joined(this.tally.kept, kept) });
    this.show(kept.items.map(keptRow));
    this.show(
      done.items.map(({ item, reasons }) => ({ item, state: 'nothing to do', note: reasons.join('; ') })),
    );
  }

  private add(more: Partial<Tally>): void {
    this.state.tally = { ...this.tally, ...more };
  }

  /** A row that people have seen is kept up to date. */
  private show(rows: readonly ProgressRow[]): void {
    const visible: ProgressRow[] = [];
    for (const row of rows) {
      if (this.shown.size >= ROWS && !this.shown.has(row.item)) continue;
      this.shown.add(row.item);
      visible.push(row);
    }
    if (visible.length > 0) this.run.rows(visible);
  }
}

function copyRow({ snapshotId, copyId }: EncryptedSnapshot, state: string): ProgressRow {
  return { item: snapshotId, state, note: copyId };
}

function failedRow({ item, message }: FailedItem): ProgressRow {
  return { item, state: 'failed', note: message };
}

function sparedRow({ snapshotId, copyId }: EncryptedSnapshot): ProgressRow {
  return {
    item: snapshotId,
    state: 'gone',
    note: `somebody has deleted it; its encrypted copy ${copyId} stays`,
  };
}

function keptRow({ item, reasons }: SkippedItem): ProgressRow {
  return { item, state: 'stays', note: reasons.join('; ') };
}
