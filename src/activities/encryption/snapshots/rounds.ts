import { Context } from '@temporalio/activity';
import { CreateTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { classify } from '../../../aws/classify';
import { COPY_ATTEMPTS } from '../../../model/copies/copy';
import type { PageRecord } from '../../../model/encryption/snapshots/copyLedger';
import { isUncommitted } from '../../../model/encryption/snapshots/encryptedCopy';
import { FAILURE } from '../../../model/failures';
import { listed } from '../../../model/list';
import { TAG } from '../../../model/names';
import type { FailedItem } from '../../../model/outcome';
import { whyNoSubstitute } from '../../../model/encryption/snapshots/snapshotDecision';
import {
  ENCRYPTIONS_AT_ONCE,
  type DecidedPage,
  type EncryptedSnapshot,
  type SnapshotFacts,
  type SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { overOf, sleepUntil } from '../../points/copyWaits';
import { byPlace } from '../../support/pace/byPlace';
import { mayPass, catchRefusal } from './copyCommit';
import { age, CLOCKS_APART_MS, copyCommand, copyFacts, unrecordedCopies } from './copyRecords';
import type { ActivityDeps } from '../../support/deps';
import { failedItem } from '../../support/failedItem';
import { heartbeat, withHeartbeatDetails } from '../../support/pace/heartbeat';
import { OtherRuns } from './otherRuns';
import { Pace } from '../../support/pace/pace';
import { PageLog } from './pageLog';
import { deleteSnapshot, snapshotsById } from '../../points/recoveryPoints';
import { Refusals } from './refusals';
import { encryptedCopiesOf, marksOf } from './facts';
import { decidePage } from './plans';
import { now } from '../../support/pace/waits';
import { tagList } from '../../support/tags';
import { LAGS_UNTIL_GONE } from '../../support/gone';
import { told, type KnownSnapshot } from '../../support/known';

/** Few enough that what was decided is not long ago, and that people see progress. */
const COPIED_AT_ONCE = 100;
/** Between two tries while EBS takes no more copies, in polls: a minute. */
const PAUSE_POLLS = 12;

export interface EncryptedPage extends DecidedPage {
  /** Completed copies under the key. */
  copied: EncryptedSnapshot[];
  failed: FailedItem[];
}

interface PageRequest {
  scope: SnapshotScope;
  cursor?: string | undefined;
}

/** Encrypted copies of snapshots: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html */
export function snapshotEncryptionActivities(deps: ActivityDeps) {
  const paces = byPlace(() => new Pace(deps.settings.pollMs));

  async function copyPage({ scope, cursor }: PageRequest): Promise<EncryptedPage> {
    const { info } = Context.current();
    const log = new PageLog(info.heartbeatDetails as PageRecord | undefined);
    return withHeartbeatDetails(
      () => log.record(),
      async () => {
        try {
          const round = new EncryptionRound(deps, scope, paces(scope.target), log);
          return await round.copyPage(cursor, info.attempt > 1);
        } catch (error) {
          throw log.joinedTo(error);
        }
      },
    );
  }

  return {
    /**
     * Copies the next snapshots that a run is about, each exactly once, and sees the copies completed. CopySnapshot has
     * no client token: the ids that its answers bring are kept with every heartbeat, for the next attempt. What an
     * answer that was lost has made, the next attempt takes for its own where there is only one such copy; it waits out
     * the read lag first, and looks twice.
     *
     * @throws CancelledFailure, or what ends it for good, with a PageRecord as its last detail
     */
    copySnapshotPage: copyPage,

    /** By its name of 0.1.0, for runs that have asked for it by that. */
    encryptSnapshotPage: copyPage,
  };
}

/** What waits, is under way and is over of a page. */
class EncryptionRound {
  private copied: EncryptedSnapshot[] = [];
  private readonly failed: FailedItem[] = [];
  private readonly ec2: EC2Client;
  private originals: ReadonlyMap<string, SnapshotFacts> = new Map();
  private waiting: string[] = [];
  /** Original by copy. */
  private readonly underWay = new Map<string, string>();
  private readonly seenAt = new Map<string, number>();
  private readonly errors = new Map<string, number>();
  private readonly refusals = new Refusals();
  private full = false;

  constructor(
    private readonly deps: ActivityDeps,
    private readonly scope: SnapshotScope,
    private readonly pace: Pace,
    private readonly log: PageLog,
  ) {
    this.ec2 = deps.aws.ec2(scope.target, 'migrate');
  }

  async copyPage(cursor: string | undefined, isRetry: boolean): Promise<EncryptedPage> {
    const { readLagMs, pollMs } = this.deps.settings;
    if (isRetry) await sleepUntil(now() + readLagMs, pollMs);
    const page = await decidePage(this.deps, this.scope, cursor, COPIED_AT_ONCE);
    this.originals = new Map(page.facts.map((each) => [each.snapshotId, each]));
    this.waiting = [...this.originals.keys()];
    await this.resume();
    if (isRetry) await this.findLost();
    else this.log.sawBefore(page.facts.flatMap(({ unproven = [] }) => unproven));
    await this.takeOver();
    await this.run();
    const unproven = [...(page.decided.unproven?.items ?? []), ...(await this.findOthers())];
    return {
      ...page.decided,
      unproven: listed([...new Set(unproven)].filter((id) => !this.log.begun.has(id))),
      copied: this.copied,
      failed: this.failed,
    };
  }

  private async run(): Promise<void> {
    const { pollMs } = this.deps.settings;
    for (let lookedAt = now(); this.waiting.length + this.underWay.size > 0; lookedAt = now()) {
      await this.fill();
      // Somebody else's copies fill the region, and none of ours is under way to wait for.
      const nextLook =
        this.underWay.size > 0
          ? this.pace.nextLook([...this.underWay.keys()], lookedAt)
          : lookedAt + (this.full || this.refusals.some ? PAUSE_POLLS * pollMs : 0);
      await sleepUntil(nextLook, pollMs);
      await this.look();
    }
  }

  /** Goes on with what an earlier attempt has recorded. An original that has to stay meanwhile needs no copy. */
  private async resume(): Promise<void> {
    const strays: EncryptedSnapshot[] = [];
    for (const copy of this.log.copies())
      if (this.originals.has(copy.snapshotId)) this.recordBegun(copy.snapshotId, copy.copyId);
      else strays.push(copy);
    const there = await snapshotsById(
      this.ec2,
      strays.map(({ snapshotId }) => snapshotId),
    );
    for (const copy of strays)
      if (there.has(copy.snapshotId)) await this.drop(copy.copyId, copy.snapshotId);
      else this.copied.push(copy);
  }

  /** What calls of an earlier attempt have made whose answers never came. */
  private async findLost(): Promise<void> {
    const { readLagMs, pollMs } = this.deps.settings;
    if (!(await this.lookForLost())) return;
    await sleepUntil(now() + readLagMs / 5, pollMs);
    await this.lookForLost();
  }

  /** @returns whether some are still without a copy */
  private async lookForLost(): Promise<boolean> {
    if (this.waiting.length === 0) return false;
    const candidates: KnownSnapshot[] = [];
    for await (const copy of encryptedCopiesOf(this.ec2, this.waiting)) candidates.push(copy);
    const originals = await snapshotsById(this.ec2, this.waiting);
    const { scheduledTimestampMs } = Context.current().info;
    const sinceMs = Math.max(this.scope.begunUntilMs ?? 0, scheduledTimestampMs - CLOCKS_APART_MS);
    const before = this.log.others;
    for (const { snapshotId, copyId } of unrecordedCopies(candidates, originals, this.scope, {
      sinceMs,
      before,
    }).found)
      if (originals.has(snapshotId)) this.recordBegun(snapshotId, copyId);
    return this.waiting.length > 0;
  }

  /** Copies that a run which has ended says are its own. */
  private async takeOver(): Promise<void> {
    const { maker } = this.scope;
    for (const snapshotId of [...this.waiting]) {
      const copy = this.originals.get(snapshotId)?.copy;
      if (!copy) continue;
      const tags = { [TAG.workflow]: maker.workflowId.slice(0, 256), [TAG.run]: maker.runId };
      const command = new CreateTagsCommand({ Resources: [copy.copyId], Tags: tagList(tags) });
      const refusal = await catchRefusal(snapshotId, () => this.ec2.send(command));
      if (!refusal) this.recordBegun(snapshotId, copy.copyId);
      else if (refusal.type !== FAILURE.notFound) this.giveUp(snapshotId, refusal);
    }
  }

  private recordBegun(snapshotId: string, copyId: string): void {
    this.log.begun.set(copyId, snapshotId);
    heartbeat();
    this.waiting.splice(this.waiting.indexOf(snapshotId), 1);
    this.refusals.forget(snapshotId);
    this.underWay.set(copyId, snapshotId);
    this.seenAt.set(copyId, now());
    this.pace.recordStart(copyId);
  }

  private async fill(): Promise<void> {
    this.full = false;
    for (const snapshotId of [...this.waiting]) {
      if (this.full || this.underWay.size >= ENCRYPTIONS_AT_ONCE) return;
      heartbeat();
      Context.current().cancellationSignal.throwIfAborted();
      await this.start(snapshotId);
    }
  }

  private async start(snapshotId: string): Promise<void> {
    try {
      const answer = await this.ec2.send(copyCommand(this.originals.get(snapshotId), this.scope));
      this.recordBegun(snapshotId, told(answer, `CopySnapshot of ${snapshotId}`, 'SnapshotId').SnapshotId);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { type, retry, bounded } = classify(error.name);
      if (type === FAILURE.quotaExceeded && retry && !bounded) this.full = true;
      else if (this.refusals.isPatientWith(snapshotId, error)) return;
      else if (mayPass(error)) throw error;
      else this.giveUp(snapshotId, failedItem(snapshotId, error));
    }
  }

  private giveUp(snapshotId: string, failure: FailedItem): void {
    const at = this.waiting.indexOf(snapshotId);
    if (at >= 0) this.waiting.splice(at, 1);
    this.refusals.forget(snapshotId);
    this.failed.push(failure);
  }

  private async look(): Promise<void> {
    const copyIds = [...this.underWay.keys()];
    const found = await snapshotsById(this.ec2, copyIds);
    const goneAfterMs = LAGS_UNTIL_GONE * this.deps.settings.readLagMs;
    const { completed, failed } = overOf(copyIds, found, this.seenAt, goneAfterMs);
    for (const [copyId, { State }] of found) if (State === 'pending') this.pace.recordPending(copyId);
    for (const copyId of completed) {
      const why = this.whyUnfit(found.get(copyId));
      if (why) failed.push({ copyId, why });
      else this.recordCompleted(copyId);
    }
    for (const { copyId, why } of failed) await this.copyAgain(copyId, why);
  }

  private whyUnfit(copy: KnownSnapshot | undefined): string | undefined {
    return copy && whyNoSubstitute(copyFacts(copy), undefined, this.scope.kmsKeyArn);
  }

  private recordCompleted(copyId: string): void {
    this.pace.recordCompletion(copyId);
    const snapshotId = this.underWay.get(copyId);
    if (snapshotId !== undefined) this.copied.push({ snapshotId, copyId });
    this.underWay.delete(copyId);
  }

  private async copyAgain(copyId: string, why: string): Promise<void> {
    const snapshotId = this.underWay.get(copyId);
    if (snapshotId === undefined) return;
    const isDropped = await this.drop(copyId, snapshotId);
    this.pace.forget(copyId);
    this.underWay.delete(copyId);
    if (!isDropped) return;
    const errors = (this.errors.get(snapshotId) ?? 0) + 1;
    this.errors.set(snapshotId, errors);
    if (errors < COPY_ATTEMPTS) return void this.waiting.push(snapshotId);
    const message = `its copy failed ${errors} times, at last ${copyId}: ${why}`;
    this.failed.push({ item: snapshotId, type: FAILURE.resourceFailed, message });
  }

  /** Of this activity's own: its id is in the log. One that cannot be deleted is named, and the others go on. */
  private async drop(copyId: string, snapshotId: string): Promise<boolean> {
    const refusal = await catchRefusal(snapshotId, () => deleteSnapshot(this.ec2, copyId));
    if (refusal) this.failed.push(refusal);
    else this.log.begun.delete(copyId);
    return !refusal;
  }

  /**
   * What else carries the marks of copies of what is copied now. Where another run that is open has begun one before,
   * that stays, and this run's goes; all else is named, and left alone.
   */
  private async findOthers(): Promise<string[]> {
    const runs = new OtherRuns(this.deps);
    const unproven: string[] = [];
    const ids = this.copied.map(({ snapshotId }) => snapshotId);
    const marked = new Map<string, KnownSnapshot>();
    for await (const copy of encryptedCopiesOf(this.ec2, ids))
      if (isUncommitted(marksOf(copy))) marked.set(copy.SnapshotId, copy);
    for (const [copyId, copy] of marked) {
      if (this.log.begun.has(copyId)) continue;
      const { [TAG.encryptedFrom]: of, [TAG.workflow]: by } = marksOf(copy).tags;
      const pair = this.copied.find(({ snapshotId }) => snapshotId === of);
      const ours = pair && marked.get(pair.copyId);
      const isOurs = !by || by === this.scope.maker.workflowId.slice(0, 256);
      if (isOurs || !(await runs.isOpen(by))) unproven.push(copyId);
      else if (ours && age(copy) < age(ours))
        await this.giveWay(pair.snapshotId, pair.copyId, { copyId, by });
    }
    return unproven;
  }

  private async giveWay(
    snapshotId: string,
    ownId: string,
    { copyId, by }: { copyId: string; by: string },
  ): Promise<void> {
    this.copied = this.copied.filter((each) => each.snapshotId !== snapshotId);
    if (!(await this.drop(ownId, snapshotId))) return;
    this.failed.push({
      item: snapshotId,
      type: FAILURE.conflict,
      message: `workflow ${by} made its encrypted copy ${copyId} at the same time: commit or roll back that`,
    });
  }
}
