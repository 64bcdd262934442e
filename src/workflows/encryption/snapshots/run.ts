import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineQuery,
  patched,
  setHandler,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { EncryptedPage } from '../../../activities/encryption/snapshots/rounds';
import type { CommittedCopies } from '../../../activities/encryption/snapshots/copyCommit';
import {
  CopyLedger,
  MOST_COPIES,
  RECORDED_COPIES_QUERY,
} from '../../../model/encryption/snapshots/copyLedger';
import type { FailedItem } from '../../../model/outcome';
import type { ProgressRow } from '../../../model/progress';
import type { DecidedPage, EncryptedSnapshot } from '../../../model/encryption/snapshots/snapshotEncryption';
import { failureType, reasonOf } from '../../support/failure';
import type { Run } from '../../support/operation';
import { batch, mutate, protect } from '../../support/options';
import type { UndoReport } from '../../support/undo';
import type { CommitOrder, CommitOrders } from './orders';
import { commitByTags, nameLost, takeBackByTags } from './byTags';
import { cutOffPage, type CutOffPage } from './cutOff';
import { copyRow, failedRow, keptRow, sparedRow, told, unknownRow } from './rows';
import type { SnapshotState } from './state';
import { withMore, known, waiting, type Tally } from './tally';

/** More rows than people read; all are counted. */
const ROWS = 1000;
/** Copies that one activity commits or takes back: acted on within a minute of the look at them. */
const A_BATCH = 100;

const recordedCopies = defineQuery<string>(RECORDED_COPIES_QUERY);

/** The passes over a run's snapshots, a page at a time. */
export class SnapshotRun {
  private readonly shown = new Set<string>();
  private readonly ledger: CopyLedger;
  private cutOff: CutOffPage | undefined;
  private readonly whole = CancellationScope.current();

  /** @param inNewRun goes on from this state in a new run of the workflow */
  constructor(
    readonly state: SnapshotState,
    private readonly run: Run,
    private readonly orders: CommitOrders,
    private readonly inNewRun: (state: SnapshotState) => Promise<never>,
  ) {
    this.ledger = new CopyLedger(state.copies);
    orders.copied = () => known(this.tally, this.ledger);
    // Another run that finds its copies takes its word, and no tag's, for whose they are.
    setHandler(recordedCopies, () => this.ledger.packed(), {
      description: 'The copies that this run has made and nobody has committed, packed',
    });
  }

  get tally(): Tally {
    return this.state.tally;
  }

  /** Looks at everything, and changes nothing. */
  async plan(): Promise<void> {
    await this.eachPage('planning', async (cursor) => {
      const { scope } = this.state;
      const page = await batch('Plan the next snapshots').planSnapshots({ scope, cursor });
      this.state.scope = { ...scope, begunUntilMs: scope.begunUntilMs ?? page.youngestMs };
      this.add({ planned: withMore(this.tally.planned, page.encrypt) });
      this.recordLeft(page);
      this.show(page.encrypt.map((item) => ({ item, state: 'planned' })));
      return page.cursor;
    });
  }

  /** What was planned is decided again, page by page, a moment before it is copied. */
  async copy(): Promise<void> {
    await this.eachPage('copying', async (cursor) => {
      const isRecorded = patched('record-copies-by-id');
      if (isRecorded && this.ledger.size > MOST_COPIES - A_BATCH) return this.leaveRest(cursor);
      const page = isRecorded ? await this.copyPage(cursor) : await this.copyPageByTags(cursor);
      if (isRecorded) this.ledger.add(page.copied);
      this.add({
        copied: withMore(this.tally.copied, page.copied),
        failed: withMore(this.tally.failed, page.failed),
      });
      this.recordLeft(page);
      this.show(page.copied.map((each) => copyRow(each, 'copied')));
      this.show(page.failed.map(failedRow));
      return page.cursor;
    });
  }

  private async copyPage(cursor: string | undefined): Promise<EncryptedPage> {
    const sinceMs = Date.now();
    try {
      return await protect(this.copySummary()).copySnapshotPage({ scope: this.state.scope, cursor });
    } catch (error) {
      this.cutOff = cutOffPage(error, sinceMs);
      this.ledger.add(this.cutOff.begun);
      throw error;
    }
  }

  /** As 0.1.0 asks for it, which takes every copy with its marks for its own. */
  private copyPageByTags(cursor: string | undefined): Promise<EncryptedPage> {
    return protect(this.copySummary()).encryptSnapshotPage({ scope: this.state.scope, cursor });
  }

  private copySummary(): string {
    return `Encrypt the next of ${this.tally.planned.total} snapshots`;
  }

  /** A run knows its copies by their ids, and carries no more of them than that. */
  private async leaveRest(cursor: string | undefined): Promise<string | undefined> {
    const page = await batch('List what is left').planSnapshots({ scope: this.state.scope, cursor });
    const reasons = [`one run makes at most ${MOST_COPIES} copies: run this again after its commit`];
    this.add({
      kept: withMore(
        this.tally.kept,
        page.encrypt.map((item) => ({ item, reasons })),
      ),
    });
    this.recordLeft(page);
    return page.cursor;
  }

  /**
   * The commit point. What must stay stays, and is listed; what could be committed if something were mended waits on.
   *
   * @returns why some wait; undefined where none does
   */
  async commit(order: CommitOrder): Promise<string | undefined> {
    if (!patched('commit-recorded-copies')) return commitByTags(this.byTags, order);
    const only = order.items && new Set(order.items);
    const isBegun = this.state.committing !== undefined;
    let problems: string[];
    try {
      const ambiguous = await this.findUnrecorded();
      problems = ambiguous.map(({ message }) => message);
      const copied = this.ledger.copied();
      if (only && !isBegun) this.show([...only].filter((item) => !copied.has(item)).map(unknownRow));
      problems.push(...(await this.commitPages(order, only)));
      if (!only) this.nameLost(ambiguous.map(({ item }) => item));
    } catch (error) {
      // Nothing is lost: all that is not committed is there, and is committed when this is mended.
      if (!(error instanceof TemporalFailure)) throw error;
      problems = [`${failureType(error)}: ${reasonOf(error)}`];
    }
    delete this.state.committing;
    return problems.length > 0 ? told(problems) : undefined;
  }

  /** Of 0.1.0, which has recorded the first hundred. */
  private nameLost(ambiguous: readonly string[]): void {
    const lost = waiting(this.tally) - this.ledger.size - ambiguous.length;
    nameLost(this.byTags, lost, new Set([...ambiguous, ...this.ledger.copied()]));
  }

  private async commitPages(order: CommitOrder, only: ReadonlySet<string> | undefined): Promise<string[]> {
    const { scope } = this.state;
    const problems = [...(this.state.committing?.problems ?? [])];
    for (let cursor = this.state.committing?.cursor; ;) {
      const copies = this.ledger.page(A_BATCH, cursor, only);
      const last = copies.at(-1);
      if (!last) return problems;
      const part = await batch('Commit the next copies').commitCopies({ scope, copies });
      if (part.refused) return [...problems, part.refused];
      const copyIds = part.encrypted.map(({ copyId }) => copyId);
      if (copyIds.length > 0)
        await mutate(`Settle ${copyIds.length} copies`).settleEncryptions({ scope, copyIds });
      this.recordCommitted(copies, part);
      problems.push(...part.waiting.map(({ item, reasons }) => `${item}: ${reasons.join('; ')}`));
      cursor = last.copyId;
      this.state.committing = { order, cursor, problems: problems.slice(0, A_BATCH) };
      await this.goOn();
    }
  }

  private recordCommitted(copies: readonly EncryptedSnapshot[], part: CommittedCopies): void {
    const waits = new Set(part.waiting.map(({ item }) => item));
    const over = copies.filter(({ snapshotId }) => !waits.has(snapshotId));
    this.ledger.remove(over.map(({ copyId }) => copyId));
    this.add({
      encrypted: withMore(this.tally.encrypted, part.encrypted),
      kept: withMore(this.tally.kept, part.kept),
      failed: withMore(this.tally.failed, part.failed),
      dealtWith: this.tally.dealtWith + over.length,
    });
    this.show(part.encrypted.map((each) => copyRow(each, 'encrypted')));
    this.show(part.kept.map(keptRow));
    this.show(part.failed.map(failedRow));
    this.show(part.waiting.map((each) => ({ ...keptRow(each), state: 'waits' })));
  }

  /** What 0.1.0 goes on with, in a history that it began. */
  private get byTags() {
    return {
      state: this.state,
      add: (more: Partial<Tally>) => this.add(more),
      show: (rows: readonly ProgressRow[]) => this.show(rows),
      goOn: () => this.goOn(),
    };
  }

  /** Copies that the run has made and has no record of, where exactly one can be its own. */
  private async findUnrecorded(): Promise<FailedItem[]> {
    const { scope } = this.state;
    const { sinceMs, before } = this.cutOff ?? {};
    const ambiguous: FailedItem[] = [];
    if (!this.cutOff && waiting(this.tally) <= this.ledger.size) return ambiguous;
    const recorded = this.ledger.copied();
    for (let cursor: string | undefined; ;) {
      const summary = 'Find copies that are not recorded';
      const page = await batch(summary).findUnrecordedCopies({ scope, sinceMs, before, cursor });
      this.ledger.add(page.found.filter(({ snapshotId }) => !recorded.has(snapshotId)));
      ambiguous.push(...page.ambiguous.filter(({ item }) => !recorded.has(item)));
      cursor = page.cursor;
      if (cursor === undefined) return ambiguous;
    }
  }

  /** Deletes all copies that are not committed: passes over them, until one finds nothing to delete. */
  async takeBack(): Promise<UndoReport> {
    if (!patched('take-back-recorded-copies')) return takeBackByTags(this.byTags);
    const failed = await this.findUnrecorded();
    const deleted = new Set<string>();
    // What a pass has deleted may be shown for a while: the next one waits until it is not.
    for (let afterLag = false; ; afterLag = true) {
      const pass = await this.takeBackPass(afterLag);
      for (const copyId of pass.deleted) deleted.add(copyId);
      if (!afterLag || pass.deleted.length > 0) continue;
      return { undone: [`${deleted.size} encrypted copies`], failed: [...failed, ...pass.failed] };
    }
  }

  private async takeBackPass(afterLag: boolean): Promise<{ deleted: string[]; failed: FailedItem[] }> {
    const { scope } = this.state;
    const pass = { deleted: [] as string[], failed: [] as FailedItem[] };
    let isFirst = true;
    for (let copies = this.ledger.page(A_BATCH); copies.length > 0; isFirst = false) {
      const waitsFirst = afterLag && isFirst;
      const request = { scope, copies, afterLag, waitsFirst };
      const part = await batch('Delete encrypted copies').takeBackCopies(request);
      pass.deleted.push(...part.deleted);
      pass.failed.push(...part.failed);
      this.ledger.remove(part.spared.map(({ copyId }) => copyId));
      this.show(part.spared.map(sparedRow));
      copies = this.ledger.page(A_BATCH, copies.at(-1)?.copyId);
    }
    return pass;
  }

  private async eachPage(
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

  /** In a new run, when the history of this one is long. What people have told this one goes with it. */
  async goOn(): Promise<void> {
    // A cancel would be lost with this run; it ends the run anyway.
    if (!workflowInfo().continueAsNewSuggested || this.whole.consideredCancelled) return;
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    await this.inNewRun({
      ...this.state,
      copies: this.ledger.packed(),
      orders: this.orders.waiting(),
    });
  }

  private recordLeft({ done, kept, leftOut = 0, unproven }: Omit<DecidedPage, 'encrypt'>): void {
    this.add({
      done: withMore(this.tally.done, done),
      kept: withMore(this.tally.kept, kept),
      leftOut: (this.tally.leftOut ?? 0) + leftOut,
      unproven: withMore(this.tally.unproven ?? { items: [], total: 0 }, unproven ?? []),
    });
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
