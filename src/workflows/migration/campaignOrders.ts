import { condition } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { Message } from '../../model/messages';
import { fail } from '../support/failure';
import { takes } from '../support/messages';
import type { Run } from '../support/operation';

/** What people have told this campaign. */
export class CampaignOrders {
  private answer: { approved: boolean; message: Message } | undefined;
  private isPaused = false;
  readonly cancelled = new Set<string>();
  /** Called for each machine that is to be cancelled; the fleet asks its workflow to undo. */
  onCancel: (instanceId: string) => void = () => undefined;

  constructor(private readonly run: Run) {
    const once = (approved: boolean) => () =>
      this.answer && this.answer.approved !== approved
        ? `${this.answer.message.by} has answered already`
        : undefined;
    takes('approve', (message) => (this.answer ??= { approved: true, message }), once(true));
    takes('reject', (message) => (this.answer ??= { approved: false, message }), once(false));
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

  /** @throws ApplicationFailure Rejected */
  async approval(machines: number, volumes: number): Promise<void> {
    this.run.phase('Waiting for approval');
    const alone = volumes > 0 ? `, and ${volumes} volumes by themselves replaced` : '';
    this.run.remark(
      `${machines} machines would be stopped and migrated${alone}: send \`approve\` or \`reject\`.`,
    );
    await condition(() => this.answer !== undefined);
    const { approved, message } = this.answer ?? {};
    if (approved) this.run.remark(`Approved by ${message?.by}: ${message?.reason}`);
    else throw fail(FAILURE.rejected, `rejected by ${message?.by}: ${message?.reason}; nothing was changed`);
  }
}
