import { condition, patched } from '@temporalio/workflow';
import { lossNotAccepted, parseRollback, type RollbackMessage } from '../../model/messages';
import type { FailedItem } from '../../model/outcome';
import { takes, takesParsed } from '../support/messages';
import { tellOfNeed } from '../support/notices';
import type { Run } from '../support/operation';

export type Verdict = 'commit' | 'rollback';

/** While originals are kept. */
export interface Soak {
  /** After so long they are deleted; without it they wait for a verdict. */
  soakMs?: number;
  /** Since then the new volumes may hold what the originals do not: milliseconds since the epoch. */
  writesSince: number;
}

/** People have changed their verdict while what was begun could still be left: nothing that cannot be undone was done. */
export class VerdictChanged extends Error {
  override name = 'VerdictChanged';
}

/** What people have told this migration: commit or roll back while it soaks, resume when an undo is stuck. */
export class Orders {
  private soaking = false;
  /** Since then the new volumes hold what the originals do not: milliseconds since the epoch. */
  private writesSince = 0;
  private stuck = false;
  private verdict: Verdict | undefined;
  /** From the first step that cannot be undone on. */
  private isFinal = false;
  private changed = false;

  constructor(private readonly run: Run) {
    const notSoaking = () =>
      this.soaking || this.verdict ? undefined : 'only a migration in soak can be told that; see its phase';
    const decide = (verdict: Verdict) => () => {
      if (this.verdict === verdict) return;
      if (this.verdict && !this.mayChange) return;
      this.verdict = verdict;
      this.changed = this.stuck;
    };
    const tooLate = (verdict: Verdict) => () =>
      this.verdict && this.verdict !== verdict && !this.mayChange
        ? `it was told to ${this.verdict} already`
        : notSoaking();
    takes('commit', decide('commit'), tooLate('commit'));
    takesParsed(
      'rollback',
      parseRollback,
      decide('rollback'),
      (message: RollbackMessage) => tooLate('rollback')() ?? lossNotAccepted(message, this.writesSince),
    );
    takes('resume', () => (this.stuck = false));
  }

  /** What is stuck before its first step that cannot be undone may be told the opposite. */
  private get mayChange(): boolean {
    return this.stuck && !this.isFinal;
  }

  get given(): Verdict | undefined {
    return this.verdict;
  }

  /** Waits for a verdict; after `soakMs` without one it is `commit`. */
  async verdictWithin({ soakMs, writesSince }: Soak): Promise<Verdict> {
    return (await this.verdictBefore(soakMs, writesSince)) ?? (this.verdict = 'commit');
  }

  /** Waits for a verdict, no longer than so many milliseconds where that is said. */
  async verdictBefore(
    waitMs: number | undefined,
    writesSince: number,
    summary = 'Soak: originals are kept',
  ): Promise<Verdict | undefined> {
    this.offer(writesSince);
    try {
      const decided = () => this.verdict !== undefined;
      if (waitMs === undefined) await condition(decided);
      else await condition(decided, waitMs, { summary });
      return this.verdict;
    } finally {
      this.soaking = false;
    }
  }

  /** Takes verdicts from now on. */
  offer(writesSince: number): void {
    this.writesSince = writesSince;
    this.soaking = true;
  }

  /** A cancel while it soaks. Where that is stuck, people may still decide otherwise. */
  rollBackByCancel(): void {
    this.verdict ??= 'rollback';
  }

  /** The time is over without a word. */
  commitByItself(): Verdict {
    return (this.verdict ??= 'commit');
  }

  /** The next step cannot be undone: the verdict stands. */
  finalize(): void {
    this.isFinal = true;
  }

  /**
   * Says what a person must do, and waits until somebody says that it is done.
   *
   * @throws VerdictChanged where the verdict is another one now
   */
  async untilResumed({ item, message }: FailedItem): Promise<void> {
    this.stuck = true;
    this.changed = false;
    this.run.phase('Needs a person');
    this.run.row(item, 'stuck', message);
    const orElse = this.isFinal ? '' : this.wayOut();
    this.run.remark(
      `**${item}** failed: ${message}. Put that right, then send \`resume\`; the step is tried again${orElse}.`,
    );
    if (patched('people-are-told-of-a-need')) await tellOfNeed(`${item}: ${message}`);
    await condition(() => !this.stuck || this.changed);
    this.stuck = false;
    if (this.changed) {
      this.changed = false;
      throw new VerdictChanged(`it was told to ${this.verdict}`);
    }
    this.run.row(item, 'resumed');
  }

  private wayOut(): string {
    if (this.verdict === 'commit') return '; or send `rollback`';
    if (this.verdict === 'rollback') return '; or send `commit`';
    return this.soaking ? '; or send `rollback`' : '';
  }
}

/** Does a step that must not be left out: what fails waits for a person, and is tried again. */
export async function untilDone(
  orders: Orders,
  item: string,
  step: () => Promise<unknown>,
  describe: (error: unknown) => FailedItem,
): Promise<void> {
  for (;;) {
    try {
      await step();
      return;
    } catch (error) {
      if (error instanceof VerdictChanged) throw error;
      await orders.untilResumed(describe(error));
    }
  }
}
