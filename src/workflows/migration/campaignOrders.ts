import { condition } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { Message } from '../../model/messages';
import { fail } from '../support/failure';
import { takes } from '../support/messages';
import type { Run } from '../support/operation';

/** What somebody answered when the campaign asked. */
export interface Answer {
  approved: boolean;
  message: Pick<Message, 'by' | 'reason'>;
}

/** Orders as one run leaves them to the next. */
export interface CarriedOrders {
  paused: boolean;
  cancelled: string[];
  question?: { answer?: Answer };
  last?: Answer;
}

/** What people have told this campaign. */
export class CampaignOrders {
  private isPaused: boolean;
  private question: { answer?: Answer } | undefined;
  /** Of the question before: the same answer once more is no answer to the next one. */
  private last: Answer | undefined;
  readonly cancelled: Set<string>;
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
      takes(
        name,
        (message) => this.answered({ approved, message }),
        (message) => this.objection({ approved, message }),
      );
    takes('pause', ({ by, reason }) => {
      this.isPaused = true;
      run.remark(`Paused by ${by}: ${reason}`);
    });
    takes('resume', () => (this.isPaused = false));
    takes(
      'cancelItem',
      ({ items = [] }) => {
        for (const item of items) {
          this.cancelled.add(item);
          this.onCancel(item);
        }
      },
      ({ items = [] }) => (items.length > 0 ? undefined : 'items: name the instances to cancel'),
    );
  }

  get paused(): boolean {
    return this.isPaused;
  }

  get answer(): Answer | undefined {
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

  /** From now on `approve` and `reject` are an answer. */
  ask(): void {
    this.question ??= {};
  }

  /** The answer is acted on: the next one is to another question. */
  close(): void {
    this.last = this.question?.answer;
    this.question = undefined;
  }

  /** @throws ApplicationFailure Rejected */
  async approval(machines: number, volumes: number): Promise<void> {
    this.run.phase('Waiting for approval');
    const alone = volumes > 0 ? `, and ${volumes} volumes by themselves replaced` : '';
    this.run.remark(
      `${machines} machines would be stopped and migrated${alone}: send \`approve\` or \`reject\`.`,
    );
    this.ask();
    await condition(() => this.answer !== undefined);
    const { approved, message } = this.answer ?? {};
    this.close();
    if (approved) this.run.remark(`Approved by ${message?.by}: ${message?.reason}`);
    else throw fail(FAILURE.rejected, `rejected by ${message?.by}: ${message?.reason}; nothing was changed`);
  }

  private answered({ approved, message: { by, reason } }: Answer): void {
    if (this.question) this.question.answer ??= { approved, message: { by, reason } };
  }

  private objection(given: Answer): string | undefined {
    const { answer } = this;
    if (answer)
      return answer.approved === given.approved ? undefined : `${answer.message.by} has answered already`;
    if (this.question ?? (this.last && isSame(this.last, given))) return undefined;
    return 'nothing waits for approval now; see its phase';
  }
}

function isSame(a: Answer, b: Answer): boolean {
  return a.approved === b.approved && a.message.by === b.message.by && a.message.reason === b.message.reason;
}
