import { Context } from '@temporalio/activity';
import { CreateTagsCommand, DeleteTagsCommand, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { classify } from '../aws/classify';
import type { SkippedItem } from '../model/campaign';
import { encryptedCopyTags, isUncommitted, marksOfGone } from '../model/encryptedCopy';
import { FAILURE } from '../model/failures';
import { TAG } from '../model/names';
import type { FailedItem } from '../model/outcome';
import { whyNoSubstitute, whyNotDeleted } from '../model/snapshotDecision';
import type { EncryptedSnapshot, SnapshotFacts, SnapshotScope } from '../model/snapshotEncryption';
import { sleepUntil } from './copyWaits';
import type { ActivityDeps } from './deps';
import { failedItem, onceMore } from './failedItem';
import { tagList } from './imageReads';
import { deleteSnapshot, snapshotsById } from './recoveryPoints';
import { factsOf, marksOf, snapshotsBy } from './snapshotFacts';
import { copyFacts } from './snapshotEncryption';
import { now } from './waits';

/** Few enough that what was looked at is acted on within a minute at EC2's rate. */
const A_BATCH = 100;

interface BatchRequest {
  scope: SnapshotScope;
  /** Originals; all when left out. */
  only?: readonly string[] | undefined;
  /** Id of the last copy of the batch before. */
  cursor?: string | undefined;
}

export interface CommittedBatch {
  encrypted: EncryptedSnapshot[];
  /** Originals that must stay now; their copies are deleted. */
  kept: SkippedItem[];
  failed: FailedItem[];
  cursor?: string;
}

export interface TakenBackBatch {
  deleted: number;
  /** Copies whose originals are gone: they are the last of their data. */
  spared: EncryptedSnapshot[];
  failed: FailedItem[];
  cursor?: string;
}

/** What becomes of a run's encrypted copies: they stand for their originals, or go. */
export function snapshotCommitActivities(deps: ActivityDeps) {
  const batchOf = async (request: BatchRequest) => {
    const ec2 = deps.aws.ec2(request.scope.target, 'migrate');
    const copies = await ownCopies(ec2, request);
    const batch = copies.slice(0, A_BATCH);
    const originals = await snapshotsById(ec2, batch.map(originalOf));
    const last = batch.at(-1)?.SnapshotId;
    return { ec2, batch, originals, next: copies.length > batch.length && last ? { cursor: last } : {} };
  };
  return {
    /**
     * The commit point of a batch. Each original is looked at once more; then its copy takes its marks, and it is deleted.
     * A copy stays marked as uncommitted until `settleEncryptions`, so that a retry finds all that this has done.
     */
    async commitEncryptions(request: BatchRequest): Promise<CommittedBatch> {
      const { ec2, batch, originals, next } = await batchOf(request);
      const facts = await factsOf(deps, request.scope, [...originals.values()]);
      const factsById = new Map(facts.map((each) => [each.snapshotId, each]));
      const result: CommittedBatch = { encrypted: [], kept: [], failed: [], ...next };
      const commit = new Commit(ec2, request.scope, result);
      for (const copy of batch) {
        Context.current().heartbeat(result.encrypted.length);
        await commit.one(copy, originals.get(originalOf(copy)), factsById.get(originalOf(copy)));
      }
      return result;
    },

    /** Ends the commit of copies that stand for their originals: nothing takes them back from now on. */
    async settleEncryptions({ scope, copyIds }: { scope: SnapshotScope; copyIds: string[] }): Promise<void> {
      const ec2 = deps.aws.ec2(scope.target, 'migrate');
      // One that is gone would fail all: expiry may have had its turn.
      const Resources = [...(await snapshotsById(ec2, copyIds)).keys()];
      if (Resources.length > 0)
        await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: TAG.uncommitted }] }));
    },

    /**
     * Deletes a batch of copies that nobody has committed. One whose original is gone becomes what that was: it may be
     * all that is left. An empty look is not believed at once, because a copy may have been begun a moment ago.
     */
    async takeBackEncryptions(request: BatchRequest & { afterLag: boolean }): Promise<TakenBackBatch> {
      const { readLagMs, pollMs } = deps.settings;
      const isFirst = request.cursor === undefined;
      if (isFirst && request.afterLag) await sleepUntil(now() + readLagMs, pollMs);
      let found = await batchOf(request);
      if (isFirst && !request.afterLag && found.batch.length === 0) {
        await sleepUntil(now() + readLagMs, pollMs);
        found = await batchOf(request);
      }
      const { ec2, batch, originals, next } = found;
      const result: TakenBackBatch = { deleted: 0, spared: [], failed: [], ...next };
      for (const copy of batch) {
        Context.current().heartbeat(result.deleted);
        const { SnapshotId: copyId = '' } = copy;
        const snapshotId = originalOf(copy);
        try {
          if (originals.has(snapshotId)) {
            await onceMore(() => deleteSnapshot(ec2, copyId));
            result.deleted += 1;
          } else {
            await mark(ec2, copyId, marksOfGone(marksOf(copy).tags));
            await unmark(ec2, copyId, TAG.uncommitted);
            result.spared.push({ snapshotId, copyId });
          }
        } catch (error) {
          if (mayPass(error)) throw error;
          result.failed.push(failedItem(copyId, error));
        }
      }
      return result;
    },
  };
}

/** This run's copies that are not committed, by id, after the cursor. */
async function ownCopies(ec2: EC2Client, { scope, only, cursor = '' }: BatchRequest): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  const workflowId = scope.maker.workflowId.slice(0, 256);
  const Filters = [
    { Name: 'tag-key', Values: [TAG.uncommitted] },
    { Name: `tag:${TAG.workflow}`, Values: [workflowId] },
  ];
  for await (const copy of snapshotsBy(ec2, Filters))
    if (
      isUncommitted(marksOf(copy)) &&
      // In a filter, * and ? are wildcards; a workflow id may hold them.
      marksOf(copy).tags[TAG.workflow] === workflowId &&
      (copy.SnapshotId ?? '') > cursor &&
      (!only || only.includes(originalOf(copy)))
    )
      found.push(copy);
  return found.sort((a, b) => ((a.SnapshotId ?? '') < (b.SnapshotId ?? '') ? -1 : 1));
}

function originalOf(copy: Snapshot): string {
  return marksOf(copy).tags[TAG.encryptedFrom] ?? '';
}

/** Asked again later it may work: throttles, server faults, answers that were lost. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const { type, retry } = classify(error.name);
  return retry && type !== FAILURE.conflict;
}

async function mark(ec2: EC2Client, copyId: string, tags: Record<string, string>): Promise<void> {
  if (Object.keys(tags).length === 0) return;
  await ec2.send(new CreateTagsCommand({ Resources: [copyId], Tags: tagList(tags) }));
}

async function unmark(ec2: EC2Client, copyId: string, Key: string): Promise<void> {
  await ec2.send(new DeleteTagsCommand({ Resources: [copyId], Tags: [{ Key }] }));
}

class Commit {
  constructor(
    private readonly ec2: EC2Client,
    private readonly scope: SnapshotScope,
    private readonly result: CommittedBatch,
  ) {}

  async one(copy: Snapshot, original: Snapshot | undefined, facts: SnapshotFacts | undefined): Promise<void> {
    const { SnapshotId: copyId = '' } = copy;
    const snapshotId = originalOf(copy);
    const unfit = whyNoSubstitute(copyFacts(copy), original?.VolumeSize, this.scope.kmsKeyArn);
    if (unfit) return this.fail(snapshotId, `its copy ${copyId} cannot stand for it: ${unfit}`);
    try {
      const reasons = facts ? whyNotDeleted(facts) : [];
      if (reasons.length > 0) await this.keep(copyId, snapshotId, reasons);
      else await this.replace(copy, snapshotId, facts);
    } catch (error) {
      if (mayPass(error)) throw error;
      this.result.failed.push(failedItem(snapshotId, error));
    }
  }

  /** The marks come first: at no moment is the point nowhere. While both carry them, readers count the copy alone. */
  private async replace(copy: Snapshot, snapshotId: string, facts: SnapshotFacts | undefined): Promise<void> {
    const { SnapshotId: copyId = '' } = copy;
    const { tags } = marksOf(copy);
    await mark(this.ec2, copyId, facts ? encryptedCopyTags(facts, this.scope.maker) : marksOfGone(tags));
    try {
      await onceMore(() => deleteSnapshot(this.ec2, snapshotId));
    } catch (error) {
      if (mayPass(error)) throw error;
      return this.stayOriginal(copyId, failedItem(snapshotId, error));
    }
    this.result.encrypted.push({ snapshotId, copyId });
  }

  /** EC2 has the last word: something came between the look and the call. The original is the point again. */
  private async stayOriginal(copyId: string, failure: FailedItem): Promise<void> {
    await unmark(this.ec2, copyId, TAG.recoveryPoint);
    const isRefused = failure.type === FAILURE.conflict || failure.type === FAILURE.invalidRequest;
    if (isRefused) await this.keep(copyId, failure.item, [failure.message]);
    else this.result.failed.push(failure);
  }

  private async keep(copyId: string, item: string, reasons: string[]): Promise<void> {
    await onceMore(() => deleteSnapshot(this.ec2, copyId));
    this.result.kept.push({ item, reasons });
  }

  private fail(item: string, message: string): void {
    this.result.failed.push({ item, type: FAILURE.resourceFailed, message });
  }
}
