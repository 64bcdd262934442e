import { condition } from '@temporalio/workflow';
import type { Message } from '../../model/messages';
import { takes } from '../support/messages';

export interface CommitOrder extends Message {
  verdict: 'commit' | 'rollback';
}

/** What people have told a run that waits with its copies: commit, all or some of them, or roll back. */
export class CommitOrders {
  private readonly queue: CommitOrder[];

  /**
   * @param carried given to an earlier run of the chain, and not carried out yet
   * @param isWaiting whether its copies are complete
   */
  constructor(
    carried: readonly CommitOrder[],
    private isWaiting: boolean,
  ) {
    this.queue = [...carried];
    const give = (verdict: CommitOrder['verdict']) => (message: Message) =>
      void this.queue.push({ ...message, verdict });
    takes('commit', give('commit'), () => this.objection('commit'));
    takes('rollback', give('rollback'), ({ items }) =>
      items ? 'it takes no items: all copies that are not committed go' : this.objection('rollback'),
    );
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** What a run that goes on as a new one hands over. */
  waiting(): CommitOrder[] {
    return [...this.queue];
  }

  /** What is given while an earlier one is carried out waits its turn. */
  async next(): Promise<CommitOrder> {
    this.isWaiting = true;
    for (;;) {
      const order = this.queue.shift();
      if (order) return order;
      await condition(() => !this.isEmpty);
    }
  }

  private objection(verdict: CommitOrder['verdict']): string | undefined {
    if (!this.isWaiting) return 'its copies are not complete yet; see its phase, or cancel it';
    const final = this.queue.find(({ items, verdict: given }) => given === 'rollback' || !items);
    return final && final.verdict !== verdict
      ? `${final.by} has told it to ${final.verdict} already`
      : undefined;
  }
}
