import { Context } from '@temporalio/activity';
import { CopySnapshotCommand, CreateTagsCommand, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { classify } from '../aws/classify';
import { COPY_ATTEMPTS } from '../model/copy';
import { copyMarks, ENCRYPTION_ID, isUncommitted } from '../model/encryptedCopy';
import { FAILURE } from '../model/failures';
import { TAG } from '../model/names';
import type { FailedItem } from '../model/outcome';
import { whyNoSubstitute } from '../model/snapshotDecision';
import {
  ENCRYPTIONS_AT_ONCE,
  type DecidedPage,
  type EncryptedSnapshot,
  type SnapshotFacts,
  type SnapshotScope,
} from '../model/snapshotEncryption';
import { overOf, sleepUntil } from './copyWaits';
import { byPlace } from './byPlace';
import type { ActivityDeps } from './deps';
import { failedItem } from './failedItem';
import { requestId } from './idempotency';
import { tagList } from './imageReads';
import { Pace } from './pace';
import { deleteSnapshot, LAGS_UNTIL_GONE, snapshotsById } from './recoveryPoints';
import { encryptedCopiesOf, marksOf } from './snapshotFacts';
import { decidePage } from './snapshotPlans';
import { now } from './waits';

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
  return {
    /**
     * Copies the next snapshots that a run is about, each exactly once, and sees the copies completed. CopySnapshot has
     * no client token: a copy carries the tag that names its original, and is looked for before it is made. A retry
     * waits out the read lag first, and looks twice.
     */
    async encryptSnapshotPage({ scope, cursor }: PageRequest): Promise<EncryptedPage> {
      const { readLagMs, pollMs } = deps.settings;
      const isRetry = Context.current().info.attempt > 1;
      if (isRetry) await sleepUntil(now() + readLagMs, pollMs);
      let page = await decidePage(deps, scope, cursor, COPIED_AT_ONCE);
      if (isRetry && page.facts.some(({ copy }) => !copy)) {
        await sleepUntil(now() + readLagMs / 5, pollMs);
        page = await decidePage(deps, scope, cursor, COPIED_AT_ONCE);
      }
      const round = new EncryptionRound(deps, scope, paces(scope.target), page.facts);
      await round.run();
      return { ...page.decided, copied: round.copied, failed: round.failed };
    },
  };
}

/** What waits, is under way and is over of a page. */
class EncryptionRound {
  copied: EncryptedSnapshot[] = [];
  readonly failed: FailedItem[] = [];
  private readonly ec2: EC2Client;
  private readonly originals: ReadonlyMap<string, SnapshotFacts>;
  private readonly waiting: string[];
  /** Original by copy. */
  private readonly underWay = new Map<string, string>();
  private readonly seenAt = new Map<string, number>();
  private readonly errors = new Map<string, number>();
  private full = false;

  constructor(
    private readonly deps: ActivityDeps,
    private readonly scope: SnapshotScope,
    private readonly pace: Pace,
    facts: readonly SnapshotFacts[],
  ) {
    this.ec2 = deps.aws.ec2(scope.target, 'migrate');
    this.originals = new Map(facts.map((each) => [each.snapshotId, each]));
    this.waiting = facts.map(({ snapshotId }) => snapshotId);
  }

  async run(): Promise<void> {
    const { pollMs } = this.deps.settings;
    await this.adopt();
    for (let lookedAt = now(); this.waiting.length + this.underWay.size > 0; lookedAt = now()) {
      await this.fill();
      // Somebody else's copies fill the region, and none of ours is under way to wait for.
      const nextLook =
        this.underWay.size > 0
          ? this.pace.nextLook([...this.underWay.keys()], lookedAt)
          : lookedAt + (this.full ? PAUSE_POLLS * pollMs : 0);
      await sleepUntil(nextLook, pollMs);
      await this.look();
    }
    await this.withoutSurplus();
  }

  /** Takes over what an earlier attempt, or a run that was terminated, has begun. */
  private async adopt(): Promise<void> {
    const { maker } = this.scope;
    for (const { snapshotId, copy } of this.originals.values()) {
      if (!copy) continue;
      if (copy.workflowId !== maker.workflowId)
        await this.ec2.send(
          new CreateTagsCommand({
            Resources: [copy.copyId],
            Tags: tagList({ [TAG.workflow]: maker.workflowId, [TAG.run]: maker.runId }),
          }),
        );
      this.begun(snapshotId, copy.copyId);
    }
  }

  private begun(snapshotId: string, copyId: string): void {
    this.waiting.splice(this.waiting.indexOf(snapshotId), 1);
    this.underWay.set(copyId, snapshotId);
    this.seenAt.set(copyId, now());
    this.pace.started(copyId);
  }

  private async fill(): Promise<void> {
    this.full = false;
    for (const snapshotId of [...this.waiting]) {
      if (this.full || this.underWay.size >= ENCRYPTIONS_AT_ONCE) return;
      Context.current().heartbeat(this.copied.length);
      Context.current().cancellationSignal.throwIfAborted();
      await this.start(snapshotId);
    }
  }

  private async start(snapshotId: string): Promise<void> {
    try {
      const { SnapshotId } = await this.ec2.send(this.copyCommand(snapshotId));
      this.begun(snapshotId, SnapshotId ?? '');
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { type, retry, bounded } = classify(error.name);
      if (type === FAILURE.quotaExceeded && retry && !bounded) this.full = true;
      else if (retry && type !== FAILURE.conflict) throw error;
      else this.giveUp(snapshotId, failedItem(snapshotId, error));
    }
  }

  private copyCommand(snapshotId: string): CopySnapshotCommand {
    const { target, kmsKeyArn, maker } = this.scope;
    const original = this.originals.get(snapshotId);
    if (!original) throw new Error(`${snapshotId} is not of this page`);
    const encryptionId = ENCRYPTION_ID + requestId(snapshotId, kmsKeyArn);
    const { tags, description } = copyMarks(original, maker, encryptionId);
    return new CopySnapshotCommand({
      SourceRegion: target.region,
      SourceSnapshotId: snapshotId,
      Encrypted: true,
      KmsKeyId: kmsKeyArn,
      Description: description,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    });
  }

  private giveUp(snapshotId: string, failure: FailedItem): void {
    const at = this.waiting.indexOf(snapshotId);
    if (at >= 0) this.waiting.splice(at, 1);
    this.failed.push(failure);
  }

  private async look(): Promise<void> {
    const copyIds = [...this.underWay.keys()];
    const found = await snapshotsById(this.ec2, copyIds);
    const goneAfterMs = LAGS_UNTIL_GONE * this.deps.settings.readLagMs;
    const { completed, failed } = overOf(copyIds, found, this.seenAt, goneAfterMs);
    for (const [copyId, { State }] of found) if (State === 'pending') this.pace.seenPending(copyId);
    for (const copyId of completed) {
      const why = this.whyUnfit(found.get(copyId));
      if (why) failed.push({ copyId, why });
      else this.completed(copyId);
    }
    for (const { copyId, why } of failed) await this.again(copyId, why);
  }

  private whyUnfit(copy: Snapshot | undefined): string | undefined {
    return copy && whyNoSubstitute(copyFacts(copy), undefined, this.scope.kmsKeyArn);
  }

  private completed(copyId: string): void {
    this.pace.completed(copyId);
    this.copied.push({ snapshotId: this.underWay.get(copyId) ?? '', copyId });
    this.underWay.delete(copyId);
  }

  private async again(copyId: string, why: string): Promise<void> {
    await deleteSnapshot(this.ec2, copyId);
    this.pace.forget(copyId);
    const snapshotId = this.underWay.get(copyId) ?? '';
    this.underWay.delete(copyId);
    const errors = (this.errors.get(snapshotId) ?? 0) + 1;
    this.errors.set(snapshotId, errors);
    if (errors < COPY_ATTEMPTS) return void this.waiting.push(snapshotId);
    const message = `its copy failed ${errors} times, at last ${copyId}: ${why}`;
    this.failed.push({ item: snapshotId, type: FAILURE.resourceFailed, message });
  }

  /**
   * Of two copies of one snapshot the one begun first stays: a second one is an answer that was lost and came into
   * sight late, or another run's.
   */
  private async withoutSurplus(): Promise<void> {
    const first = new Map<string, Snapshot>();
    const age = ({ StartTime, SnapshotId = '' }: Snapshot) =>
      `${StartTime?.toISOString() ?? ''}|${SnapshotId}`;
    const all: Snapshot[] = [];
    for await (const copy of encryptedCopiesOf(
      this.ec2,
      this.copied.map((each) => each.snapshotId),
    ))
      if (isUncommitted(marksOf(copy))) all.push(copy);
    for (const copy of all.sort((a, b) => age(a).localeCompare(age(b)))) {
      const { tags } = marksOf(copy);
      const of = tags[TAG.encryptedFrom] ?? '';
      const winner = first.get(of);
      if (!winner) first.set(of, copy);
      else if (tags[TAG.workflow] === this.scope.maker.workflowId) await this.drop(of, copy, winner);
    }
  }

  private async drop(snapshotId: string, surplus: Snapshot, winner: Snapshot): Promise<void> {
    await deleteSnapshot(this.ec2, surplus.SnapshotId ?? '');
    const copyId = winner.SnapshotId ?? '';
    const { workflowId } = this.scope.maker;
    const by = marksOf(winner).tags[TAG.workflow] ?? '';
    this.copied = this.copied.filter((each) => each.snapshotId !== snapshotId);
    if (by === workflowId) this.copied.push({ snapshotId, copyId });
    else
      this.failed.push({
        item: snapshotId,
        type: FAILURE.conflict,
        message: `workflow ${by} made its encrypted copy ${copyId} at the same time: commit or roll back that`,
      });
  }
}

export function copyFacts(copy: Snapshot) {
  return {
    state: copy.State ?? '',
    ...(copy.StateMessage && { stateMessage: copy.StateMessage }),
    encrypted: copy.Encrypted ?? false,
    ...(copy.KmsKeyId && { kmsKeyId: copy.KmsKeyId }),
    sizeGiB: copy.VolumeSize ?? 0,
  };
}
