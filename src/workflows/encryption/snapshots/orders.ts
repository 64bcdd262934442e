import { condition } from '@temporalio/workflow';
import type { Message } from '../../../model/messages';
import { nearest } from '../../../model/nearest';
import { snapshotIdSchema } from '../../../model/encryption/snapshots/snapshotEncryption';
import { handleMessage } from '../../support/messages';

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
    handleMessage(
      'commit',
      give('commit'),
      ({ items }) => this.objection('commit') ?? (items && this.strangers(items)),
    );
    handleMessage('rollback', give('rollback'), ({ items }) =>
      items ? 'it takes no items: all copies that are not committed go' : this.objection('rollback'),
    );
  }

  /** Originals whose copies wait, or are committed already; undefined where that is not known. */
  copied: (() => ReadonlySet<string> | undefined) | undefined;

  private strangers(items: readonly string[]): string | undefined {
    if (items.length === 0) return 'items: name originals, or leave items out to commit all';
    const malformed = items.filter((item) => !snapshotIdSchema.safeParse(item).success);
    if (malformed.length > 0)
      return `items: no snapshot ids: ${malformed.join(', ')}; name originals, like snap-0123456789abcdef0`;
    const own = this.copied?.();
    if (!own) return undefined;
    // Of many, those that have no copy get a row that says so.
    if (items.some((item) => own.has(item))) return undefined;
    const [first = ''] = items;
    const meant = nearest(first, own);
    return `items: no copy of ${items.join(', ')} waits for a commit${meant ? `; did you mean ${meant}?` : ''}`;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** What a run that goes on as a new one hands over. */
  waiting(): CommitOrder[] {
    return [...this.queue];
  }

  /** What is given while an earlier one is carried out waits its turn. */
  async awaitOrder(): Promise<CommitOrder> {
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
