import { condition, workflowInfo } from '@temporalio/workflow';
import { FAILURE } from '../../../model/failures';
import { howToSend, type Message } from '../../../model/messages';
import { nearest } from '../../../model/nearest';
import { fail } from '../../support/failure';
import { handleMessage } from '../../support/messages';
import type { Run } from '../../support/operation';

/** What somebody answered when the campaign asked. */
export interface ApprovalAnswer {
  approved: boolean;
  message: Message;
}

/** What somebody approved. */
export interface CampaignApproval extends Pick<Message, 'by' | 'reason'> {
  items: ReadonlySet<string>;
}

/** Orders as one run leaves them to the next. */
export interface CarriedOrders {
  paused: boolean;
  cancelled: string[];
  question?: { answer?: ApprovalAnswer };
  last?: ApprovalAnswer;
}

/** What people have told this campaign. */
export class CampaignOrders {
  private isPaused: boolean;
  private question: { answer?: ApprovalAnswer } | undefined;
  /** Of the question before: the same answer once more is no answer to the next one. */
  private last: ApprovalAnswer | undefined;
  /** What the question is about, where it may be answered for some only. */
  private asked: ReadonlySet<string> | undefined;
  readonly cancelled: Set<string>;
  /** All machines and volumes of the campaign; none before they are known. */
  private all: (() => Iterable<string> | undefined) | undefined;
  /** Called for each machine that is to be cancelled; the fleet asks its workflow to undo. */
  onCancel: (instanceId: string) => void = () => undefined;

  constructor(
    private readonly run: Run,
    { paused, cancelled, question, last }: CarriedOrders,
  ) {
    this.isPaused = paused;
    this.cancelled = new Set(cancelled);
    this.question = question;
    this.last = last;
    for (const [name, approved] of [
      ['approve', true],
      ['reject', false],
    ] as const)
      handleMessage(
        name,
        (message) => this.takeAnswer({ approved, message }),
        (message) => this.objection({ approved, message }),
      );
    handleMessage('pause', ({ by, reason }) => {
      this.isPaused = true;
      run.remark(`Paused by ${by}: ${reason}`);
    });
    handleMessage('resume', () => (this.isPaused = false));
    handleMessage(
      'cancelItem',
      ({ items = [] }) => {
        for (const item of items) {
          this.cancelled.add(item);
          this.onCancel(item);
        }
      },
      ({ items = [] }) => (items.length > 0 ? this.strangers(items) : 'items: name the instances to cancel'),
    );
  }

  get paused(): boolean {
    return this.isPaused;
  }

  get answer(): ApprovalAnswer | undefined {
    return this.question?.answer;
  }

  carried(): CarriedOrders {
    const { question, last } = this;
    return {
      paused: this.isPaused,
      cancelled: [...this.cancelled],
      ...(question && { question }),
      ...(last && { last }),
    };
  }

  /** From now on only these can be cancelled. What was named before the plan was made, and is none of them, is said. */
  limitTo(all: () => Iterable<string> | undefined): void {
    this.all = all;
    const problem = this.strangers([...this.cancelled]);
    if (problem) this.run.remark(`cancelItem: ${problem}`);
  }

  private strangers(items: readonly string[]): string | undefined {
    const all = this.all?.();
    if (!all) return undefined;
    const own = new Set(all);
    const others = notAmong(own, items);
    return others.length > 0 ? `items: not of this campaign: ${others.join(', ')}` : undefined;
  }

  /** From now on `approve` and `reject` are an answer. */
  ask(): void {
    this.question ??= {};
  }

  /** The answer is acted on: the next one is to another question. */
  close(): void {
    this.last = this.question?.answer;
    this.question = undefined;
    this.asked = undefined;
  }

  /**
   * Asks, and returns what was approved: some of it, where the answer names items.
   *
   * @throws ApplicationFailure Rejected
   */
  async awaitAnswer(question: string, items: readonly string[]): Promise<CampaignApproval> {
    this.run.phase('Waiting for approval');
    this.run.remark(question);
    this.run.waitsFor(`It waits for \`approve\` or \`reject\`.\n\n${howToAnswer()}`);
    this.ask();
    this.asked = new Set(items);
    await condition(() => this.answer !== undefined);
    const { approved, message } = this.answer ?? {};
    const { by = '', reason = '', items: some } = message ?? {};
    this.close();
    this.run.waitsFor();
    if (!approved) throw fail(FAILURE.rejected, `rejected by ${by}: ${reason}; nothing was changed`);
    this.run.remark(`Approved by ${by}: ${reason}${some ? ` (${some.join(', ')} only)` : ''}`);
    return { by, reason, items: new Set(some ?? items) };
  }

  private takeAnswer({ approved, message }: ApprovalAnswer): void {
    if (this.question) this.question.answer ??= { approved, message };
  }

  private objection(given: ApprovalAnswer): string | undefined {
    const { answer } = this;
    if (answer)
      return answer.approved === given.approved ? undefined : `${answer.message.by} has answered already`;
    if (this.question) return this.itemsObjection(given);
    if (this.last && isSame(this.last, given)) return undefined;
    return 'nothing waits for approval now; see its phase';
  }

  private itemsObjection({ approved, message: { items } }: ApprovalAnswer): string | undefined {
    if (!items) return undefined;
    if (!approved) return 'items: what is rejected is rejected as a whole; leave items out';
    const { asked } = this;
    if (!asked) return 'items: what is asked now is approved as a whole; leave items out';
    const others = notAmong(asked, items);
    if (others.length > 0) return `items: ${others.join(', ')} does not wait for approval`;
    return items.length > 0 ? undefined : 'items: name what you approve, or leave items out';
  }
}

/** The commands to paste. */
export function howToAnswer(): string {
  return howToSend(workflowInfo().workflowId, { approve: {}, reject: {} });
}

/** With what was probably meant. */
function notAmong(known: ReadonlySet<string>, items: readonly string[]): string[] {
  return items
    .filter((item) => !known.has(item))
    .map((item) => {
      const meant = nearest(item, known);
      return meant ? `${item} (did you mean ${meant}?)` : item;
    });
}

function isSame(a: ApprovalAnswer, b: ApprovalAnswer): boolean {
  const text = ({ approved, message: { by, reason, items } }: ApprovalAnswer) =>
    JSON.stringify([approved, by, reason, items]);
  return text(a) === text(b);
}
