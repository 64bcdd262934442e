import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import type { FinishedCopies } from '../../activities/points/copyWaits';
import { COPIES_AT_ONCE, COPY_ATTEMPTS } from '../../model/copies/copy';
import { nextItems, type CopyItem, type CopyUnderWay, type QueuedJob } from '../../model/copies/copyQueue';
import { FAILURE } from '../../model/failures';
import { MAX_LISTED } from '../../model/list';
import type { FailedItem } from '../../model/outcome';
import type { Target } from '../../model/target';
import { failedItem } from '../support/failure';
import { batch, mutate, read, wait } from '../support/options';

/** Somebody else's copies fill the region, and none of ours is under way to wait for. */
const PAUSE_WHEN_FULL = '1 minute';

/** Snapshots of a job are not complete yet: of a run that was ended from outside, or one that could not wait for them. */
const PAUSE_WHILE_PENDING = '1 minute';

/** What waits, what is under way and what is done of a queue's jobs. */
export class CopyDesk {
  jobs: QueuedJob[];
  private underWay: CopyUnderWay[];
  private readonly waiting = new Map<string, CopyItem[]>();
  /** Jobs of which everything that is left has been found. */
  private readonly foundAll = new Set<string>();
  private full = false;
  /** Jobs of which snapshots are pending still: they are looked for again. */
  private readonly pending = new Set<string>();
  /** An earlier run of the queue that was terminated may have started copies that reads do not show yet. */
  private begun = false;

  constructor(
    private readonly target: Target,
    jobs: readonly QueuedJob[],
    underWay: readonly CopyUnderWay[],
  ) {
    this.jobs = [...jobs];
    this.underWay = [...underWay];
  }

  /** A job that is in the queue already stays as it is. */
  add(queued: QueuedJob): void {
    if (!this.jobs.some(({ jobId }) => jobId === queued.jobId)) this.jobs.push(queued);
  }

  carried(): { jobs: QueuedJob[]; underWay: CopyUnderWay[] } {
    return { jobs: this.jobs, underWay: this.underWay };
  }

  /** Starts as many copies as EBS makes at once. */
  async fill(): Promise<void> {
    for (const queued of [...this.jobs]) await this.find(queued);
    this.full = false;
    for (const { jobId, items } of nextItems(this.jobs, this.waiting, this.underWay.length)) {
      if (this.full) return;
      await this.start(jobId, items);
    }
  }

  /** Until something is over, and its slot is free; or until a new job finds free slots. */
  async awaitSome(): Promise<void> {
    if (this.underWay.length === 0) {
      if (this.full) await sleep(PAUSE_WHEN_FULL, { summary: 'EBS takes no more copies now' });
      else if (this.waitsForPending())
        await sleep(PAUSE_WHILE_PENDING, { summary: 'Snapshots to copy are pending' });
      return;
    }
    const over = await this.awaitSomeOver();
    if (!over) return;
    const broken = over.failed.map(({ copyId }) => copyId);
    if (broken.length > 0) {
      await mutate(`Delete ${broken.length} failed copies`).deleteFailedCopies({
        target: this.target,
        copyIds: broken,
      });
    }
    await this.lock(over.completed);
    for (const copyId of over.completed) this.recordDone(copyId);
    for (const { copyId, why } of over.failed) this.retry(copyId, why);
  }

  /** A copy that could not be locked is there, and not as safe as the policy says. */
  private async lock(copyIds: readonly string[]): Promise<void> {
    for (const { jobId, job } of this.jobs) {
      const { lock } = job.terms;
      const own = this.underWay.filter((copy) => copy.jobId === jobId && copyIds.includes(copy.copyId));
      if (!lock || own.length === 0) continue;
      try {
        const { failed } = await batch(`Lock ${own.length} copies`).lockSnapshots({
          target: this.target,
          snapshotIds: own.map(({ copyId }) => copyId),
          lock,
          timezone: job.timezone,
        });
        this.giveUpLocking(jobId, own, failed);
      } catch (error) {
        if (isCancellation(error)) throw error;
        // The copies are there, and those of other policies go on.
        const failed = own.map(({ copyId }) => failedItem(copyId, error));
        this.giveUpLocking(jobId, own, failed);
      }
    }
  }

  /** What is not to be found again are the snapshots that they are of. */
  private giveUpLocking(jobId: string, copies: readonly CopyUnderWay[], failed: readonly FailedItem[]): void {
    const sources = new Map(copies.map(({ copyId, snapshotId }) => [copyId, snapshotId]));
    this.giveUp(
      jobId,
      failed,
      failed.map(({ item }) => sources.get(item) ?? item),
    );
  }

  /** Undefined when a new job came first: a big copy takes hours, and must not hold up what there is room for. */
  private async awaitSomeOver(): Promise<FinishedCopies | undefined> {
    const copyIds = this.underWay.map(({ copyId }) => copyId);
    const scope = new CancellationScope();
    try {
      return await scope.run(() =>
        Promise.race([
          wait(`Wait for ${copyIds.length} copies`).awaitCopies({ target: this.target, copyIds }),
          condition(() => this.hasRoomForNew()).then(() => undefined),
          ...(this.pending.size > 0
            ? [sleep(PAUSE_WHILE_PENDING, { summary: 'Snapshots to copy are pending' }).then(() => undefined)]
            : []),
        ]),
      );
    } finally {
      scope.cancel();
    }
  }

  /** A new job has not been looked for yet, and what waits can be started. */
  private waitsForPending(): boolean {
    const isReady = ({ jobId }: QueuedJob) => !this.pending.has(jobId) || this.leftOf(jobId) > 0;
    return this.pending.size > 0 && !this.jobs.some(isReady);
  }

  private hasRoomForNew(): boolean {
    const isNew = ({ jobId }: QueuedJob) => !this.foundAll.has(jobId) && !this.waiting.has(jobId);
    return this.underWay.length < COPIES_AT_ONCE && this.jobs.some(isNew);
  }

  /** Takes the jobs of which nothing is left out of the queue. */
  finished(): QueuedJob[] {
    const done = this.jobs.filter(({ jobId }) => this.foundAll.has(jobId) && this.leftOf(jobId) === 0);
    this.jobs = this.jobs.filter((queued) => !done.includes(queued));
    for (const { jobId } of done) {
      this.waiting.delete(jobId);
      this.pending.delete(jobId);
      this.foundAll.delete(jobId);
    }
    return done;
  }

  /** For people. */
  progress({ jobId, copied }: QueuedJob): string {
    return `${copied} of ${this.foundAll.has(jobId) ? '' : 'more than '}${copied + this.leftOf(jobId)} snapshots`;
  }

  private leftOf(jobId: string): number {
    const underWay = this.underWay.filter((copy) => copy.jobId === jobId).length;
    return underWay + (this.waiting.get(jobId)?.length ?? 0);
  }

  /** Looks for what is left of a job when it is about to run dry. */
  private async find({ jobId, job, givenUp }: QueuedJob): Promise<void> {
    if (this.foundAll.has(jobId) || (this.waiting.get(jobId)?.length ?? 0) >= COPIES_AT_ONCE) return;
    const own = this.underWay.filter((copy) => copy.jobId === jobId).map(({ snapshotId }) => snapshotId);
    const known = [...(this.waiting.get(jobId) ?? []).map(({ snapshotId }) => snapshotId), ...own];
    const except = [...known, ...givenUp];
    try {
      const found = await read('Find what is left to copy', {
        heartbeatTimeout: '30 seconds',
        startToCloseTimeout: '10 minutes',
      }).findUncopied({ job, except });
      this.change(jobId, () => ({ copied: found.copied }));
      this.underWay.push(...found.underWay.map((copy) => ({ ...copy, jobId, errors: 0 })));
      const items = found.items.map((snapshotId) => ({ snapshotId, errors: 0 }));
      this.waiting.set(jobId, [...(this.waiting.get(jobId) ?? []), ...items]);
      if (found.failed?.length) this.giveUp(jobId, found.failed);
      if (found.pending) this.pending.add(jobId);
      else this.pending.delete(jobId);
      if (found.complete) this.foundAll.add(jobId);
    } catch (error) {
      this.giveUp(jobId, [failedItem(job.policyName, error)]);
      this.foundAll.add(jobId);
    }
  }

  private async start(jobId: string, items: readonly CopyItem[]): Promise<void> {
    const job = this.jobs.find((queued) => queued.jobId === jobId)?.job;
    if (!job) return;
    const snapshotIds = items.map(({ snapshotId }) => snapshotId);
    const errors = new Map(items.map((item) => [item.snapshotId, item.errors]));
    try {
      const { started, failed, full } = await batch(`Start ${items.length} copies`).startCopies({
        jobId,
        job,
        snapshotIds,
        afterLag: !this.begun,
      });
      this.begun = true;
      this.full = full;
      this.underWay.push(
        ...started.map((copy) => ({ ...copy, jobId, errors: errors.get(copy.snapshotId) ?? 0 })),
      );
      this.takeFromWaiting(jobId, [
        ...started.map(({ snapshotId }) => snapshotId),
        ...failed.map(({ item }) => item),
      ]);
      this.giveUp(jobId, failed);
    } catch (error) {
      this.takeFromWaiting(jobId, snapshotIds);
      this.giveUp(
        jobId,
        snapshotIds.map((id) => failedItem(id, error)),
      );
    }
  }

  private recordDone(copyId: string): void {
    const copy = this.takeOff(copyId);
    if (copy) this.change(copy.jobId, ({ copied }) => ({ copied: copied + 1 }));
  }

  private retry(copyId: string, why: string): void {
    const copy = this.takeOff(copyId);
    if (!copy) return;
    const { jobId, snapshotId } = copy;
    const errors = copy.errors + 1;
    if (errors >= COPY_ATTEMPTS) {
      const message = `its copy failed ${errors} times, at last ${copyId}: ${why}`;
      this.giveUp(jobId, [{ item: snapshotId, type: FAILURE.resourceFailed, message }]);
    } else this.waiting.set(jobId, [...(this.waiting.get(jobId) ?? []), { snapshotId, errors }]);
  }

  /** A copy that is under way no more. */
  private takeOff(copyId: string): CopyUnderWay | undefined {
    const copy = this.underWay.find((each) => each.copyId === copyId);
    this.underWay = this.underWay.filter((each) => each !== copy);
    return copy;
  }

  private takeFromWaiting(jobId: string, snapshotIds: readonly string[]): void {
    const gone = new Set(snapshotIds);
    const left = (this.waiting.get(jobId) ?? []).filter(({ snapshotId }) => !gone.has(snapshotId));
    this.waiting.set(jobId, left);
  }

  private giveUp(jobId: string, items: readonly FailedItem[], ids = items.map(({ item }) => item)): void {
    this.change(jobId, ({ failed, failedTotal, givenUp }) => ({
      givenUp: [...givenUp, ...ids],
      failed: [...failed, ...items].slice(0, MAX_LISTED),
      failedTotal: failedTotal + items.length,
    }));
  }

  private change(jobId: string, change: (job: QueuedJob) => Partial<QueuedJob>): void {
    this.jobs = this.jobs.map((queued) =>
      queued.jobId === jobId ? { ...queued, ...change(queued) } : queued,
    );
  }
}
