import { condition } from '@temporalio/workflow';
import { lossNotAccepted, parseRollback, type RollbackMessage } from '../../model/messages';
import type { FailedItem } from '../../model/outcome';
import { takes, takesParsed } from '../support/messages';
import type { Run } from '../support/operation';

/** While originals are kept. */
export interface Soak {
  /** After so long they are deleted; without it they wait for a verdict. */
  soakMs?: number;
  /** Since then the new volumes may hold what the originals do not: milliseconds since the epoch. */
  writesSince: number;
}

/** What people have told this migration: commit or roll back while it soaks, resume when an undo is stuck. */
export class Orders {
  private soaking = false;
  /** Since then the new volumes hold what the originals do not: milliseconds since the epoch. */
  private writesSince = 0;
  private stuck = false;
  private verdict: 'commit' | 'rollback' | undefined;

  constructor(private readonly run: Run) {
    const notSoaking = () =>
      this.soaking || this.verdict ? undefined : 'only a migration in soak can be told that; see its phase';
    const decide = (verdict: 'commit' | 'rollback') => () => {
      this.verdict ??= verdict;
    };
    const tooLate = (verdict: 'commit' | 'rollback') => () =>
      this.verdict && this.verdict !== verdict ? `it was told to ${this.verdict} already` : notSoaking();
    takes('commit', decide('commit'), tooLate('commit'));
    takesParsed(
      'rollback',
      parseRollback,
      decide('rollback'),
      (message: RollbackMessage) => tooLate('rollback')() ?? lossNotAccepted(message, this.writesSince),
    );
    takes('resume', () => (this.stuck = false));
  }

  /** Waits for a verdict; after `soakMs` without one it is `commit`. */
  async verdictWithin({ soakMs, writesSince }: Soak): Promise<'commit' | 'rollback'> {
    this.writesSince = writesSince;
    this.soaking = true;
    try {
      const decided = () => this.verdict !== undefined;
      if (soakMs === undefined) await condition(decided);
      else await condition(decided, soakMs, { summary: 'Soak: originals are kept' });
      this.verdict ??= 'commit';
      return this.verdict;
    } finally {
      this.soaking = false;
    }
  }

  /** Says what a person must do, and waits until somebody says that it is done. */
  async untilResumed({ item, message }: FailedItem): Promise<void> {
    this.stuck = true;
    this.run.phase('Needs a person');
    this.run.row(item, 'stuck', message);
    this.run.remark(
      `**${item}** failed: ${message}. Put that right, then send \`resume\`; the step is tried again.`,
    );
    await condition(() => !this.stuck);
    this.run.row(item, 'resumed');
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
      await orders.untilResumed(describe(error));
    }
  }
}
