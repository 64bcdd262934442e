import { ContinueAsNew, isCancellation } from '@temporalio/workflow';
import type { DeletedPoints, ExpiryPlan } from '../../activities/retention/expiry';
import { nothingExpired, sumOfReasons, type ExpirySum } from '../../model/retention/expirySum';
import { FAILURE } from '../../model/failures';
import { and } from '../../model/list';
import type { PolicyNow } from '../../model/points/retention';
import { targetKey, type Target } from '../../model/target';
import { failedItem } from '../support/failure';
import type { Run } from '../support/operation';
import { batch } from '../support/options';

/** With so many points that could not be deleted the rest of the place waits for the next run. */
const MOST_LEFT = 1000;

/** How far a place is that a run continues. */
export interface PlaceProgress {
  deleted: number;
  kept: number;
  /** Points that could not be deleted, or not any more: they must not come back for ever. */
  left: string[];
}

type Points = ExpiryPlan['expired'];

/** One place whose points expire, batch by batch. */
export class Place {
  readonly sum: ExpirySum = nothingExpired();
  private progress: PlaceProgress;
  /** What was deleted a moment ago may still be listed. */
  private justTried: string[] = [];

  constructor(
    private readonly target: Target,
    private readonly run: Run,
    private readonly before?: PlaceProgress,
  ) {
    this.progress = before ?? { deleted: 0, kept: 0, left: [] };
  }

  get carried(): PlaceProgress {
    return { ...this.progress, left: [...this.progress.left] };
  }

  /**
   * Targets do not depend on each other: one that cannot be read is reported.
   *
   * @param checkpoint is reached after each batch
   */
  async expire(policies: PolicyNow[], dryRun: boolean, checkpoint: () => Promise<void>): Promise<void> {
    this.showRow('deciding');
    try {
      await this.expireAll(policies, dryRun, checkpoint);
    } catch (error) {
      if (isCancellation(error) || error instanceof ContinueAsNew) throw error;
      const failure = failedItem(targetKey(this.target), error);
      this.sum.failed = and(this.sum.failed, [failure]);
      this.showRow('failed', failure.message);
    }
  }

  private async expireAll(policies: PolicyNow[], dryRun: boolean, checkpoint: () => Promise<void>) {
    const { target, sum, progress } = this;
    const name = targetKey(target);
    for (let first = this.before === undefined; ; first = false) {
      const except = [...progress.left, ...this.justTried];
      const plan = await batch(`Decide what expires in ${name}`).planExpiry({ target, policies, except });
      if (first) this.noteKept(plan);
      if (dryRun) {
        sum.expired = and(sum.expired, plan.expired.map(this.here), plan.expiredTotal);
        this.noteArchived(plan.archive);
        return this.showRow('decided', `${plan.expiredTotal} would go, ${plan.keptTotal} stay`);
      }
      if (plan.expired.length === 0) {
        await this.archive(plan.archive);
        return this.showRow('done', `${progress.deleted} deleted, ${progress.kept} kept`);
      }
      if (progress.left.length >= MOST_LEFT) return this.leaveRest(plan.expiredTotal);
      const deleting = batch(`Delete ${plan.expired.length} points in ${name}`);
      this.noteDeleted(plan.expired, await deleting.deletePoints({ target, points: plan.expired }));
      await checkpoint();
    }
  }

  private noteKept(plan: ExpiryPlan): void {
    const { sum, progress } = this;
    progress.kept = plan.keptTotal;
    sum.kept = and(sum.kept, plan.kept.map(this.here), plan.keptTotal);
    sum.keptByReason = sumOfReasons(sum.keptByReason, plan.keptByReason);
    sum.others = plan.others;
    sum.holdsNotKnown = plan.holdsNotKnown ?? [];
    for (const { workflowId, reason } of sum.holdsNotKnown)
      this.run.remark(`Legal hold ${workflowId} is not known: ${reason}.`);
    sum.notOurs = and(sum.notOurs, (plan.strangers ?? []).map(this.here), plan.strangersTotal ?? 0);
  }

  private noteDeleted(tried: Points, { deleted, failed, kept = [] }: DeletedPoints): void {
    const { sum, progress } = this;
    const gone = tried.filter(({ recoveryPointId }) => deleted.includes(recoveryPointId));
    sum.expired = and(sum.expired, gone.map(this.here), deleted.length);
    sum.failed = and(sum.failed, failed);
    // What came between the decision and the deletion.
    sum.kept = and(sum.kept, kept.map(this.here));
    for (const { reason } of kept) sum.keptByReason = sumOfReasons(sum.keptByReason, { [reason]: 1 });
    progress.kept += kept.length;
    progress.deleted += deleted.length;
    const ids = tried.map(({ recoveryPointId }) => recoveryPointId);
    progress.left.push(...ids.filter((id) => !deleted.includes(id)));
    this.justTried = deleted;
  }

  /** A batch of them each hour: nothing is in a hurry that waits for weeks. */
  private async archive(points: Points): Promise<void> {
    if (points.length === 0) return;
    const { target, sum } = this;
    const archiving = batch(`Archive ${points.length} points in ${targetKey(target)}`);
    const { archived, failed, left = [] } = await archiving.archivePoints({ target, points });
    this.noteArchived(points.filter(({ recoveryPointId }) => archived.includes(recoveryPointId)));
    sum.failed = and(sum.failed, failed);
    sum.notArchived = and(sum.notArchived, left.map(this.here));
  }

  private noteArchived(points: Points): void {
    const archived = points.map(({ recoveryPointId }) => this.here({ recoveryPointId }));
    this.sum.archived = and(this.sum.archived, archived);
  }

  private leaveRest(count: number): void {
    const { target, sum, progress } = this;
    const message = `${count} points more were not tried, because ${progress.left.length} could not be deleted; the next run goes on`;
    const rest = { item: targetKey(target), type: FAILURE.conflict, message };
    sum.failed = and(sum.failed, [rest]);
    this.showRow('failed', message);
  }

  private readonly here = <Thing>(thing: Thing): { target: Target } & Thing => ({
    target: this.target,
    ...thing,
  });

  private showRow(state: string, note?: string): void {
    this.run.row(targetKey(this.target), state, note);
  }
}
