import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { classify } from '../../../aws/classify';
import { isNotFound, isUnsure } from '../../../aws/failures';
import {
  encryptedCopyTags,
  isUncommitted,
  marksOfGone,
  PARKED,
} from '../../../model/encryption/snapshots/encryptedCopy';
import { FAILURE } from '../../../model/failures';
import { TAG } from '../../../model/names';
import type { FailedItem, SkippedItem } from '../../../model/outcome';
import { whyNoSubstitute, whyNotDeleted } from '../../../model/encryption/snapshots/snapshotDecision';
import type {
  EncryptedSnapshot,
  SnapshotFacts,
  SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { copyFacts } from './copyRecords';
import { failedItem, tryOnceMore } from '../../support/failedItem';
import { deleteSnapshot } from '../../points/recoveryPoints';
import { marksOf } from './facts';
import { tagList } from '../../support/tags';
import type { KnownSnapshot } from '../../support/known';

export interface CommittedBatch {
  encrypted: EncryptedSnapshot[];
  /** Originals that must stay now; their copies are deleted. */
  kept: SkippedItem[];
  failed: FailedItem[];
}

export interface CommittedCopies extends CommittedBatch {
  /** Nothing was deleted of these, and they can be committed when what stands against it is mended. */
  waiting: SkippedItem[];
  /** The same for all of them, and for all others of the run. */
  refused?: string;
}

/** A copy becomes what its original was, which is gone. */
export async function standIn(ec2: EC2Client, copy: KnownSnapshot): Promise<void> {
  const { SnapshotId: copyId } = copy;
  if (isUncommitted(marksOf(copy))) await mark(ec2, copyId, marksOfGone(marksOf(copy).tags));
  await unmark(ec2, copyId, TAG.uncommitted);
}

/** The workflow that has taken a copy over since: the mark says that it is another's, and never that it is one's own. */
export function otherHolder(copy: KnownSnapshot, { maker }: SnapshotScope): string | undefined {
  const holder = marksOf(copy).tags[TAG.workflow];
  return holder === maker.workflowId.slice(0, 256) ? undefined : holder;
}

/** Asked again later it may work: throttles, server faults, answers that were lost. What nobody knows is one copy's own trouble. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  if (isUnsure(error)) return false;
  const { type, retry } = classify(error.name);
  return retry && type !== FAILURE.conflict;
}

/** What ended it for this one alone; what may pass is thrown. */
export async function catchRefusal(
  item: string,
  action: () => Promise<unknown>,
): Promise<FailedItem | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (mayPass(error)) throw error;
    return failedItem(item, error);
  }
}

async function mark(ec2: EC2Client, copyId: string, tags: Record<string, string>): Promise<void> {
  if (Object.keys(tags).length === 0) return;
  await ec2.send(new CreateTagsCommand({ Resources: [copyId], Tags: tagList(tags) }));
}

async function unmark(ec2: EC2Client, copyId: string, ...keys: string[]): Promise<void> {
  await ec2.send(new DeleteTagsCommand({ Resources: [copyId], Tags: keys.map((Key) => ({ Key })) }));
}

export function failure(item: string, message: string): FailedItem {
  return { item, type: FAILURE.resourceFailed, message };
}

/** Commits copies of which all is known that can be asked. */
export class Commit {
  constructor(
    private readonly ec2: EC2Client,
    private readonly scope: SnapshotScope,
    private readonly archived: ReadonlySet<string>,
    private readonly result: CommittedCopies,
  ) {}

  async commitOne(
    pair: EncryptedSnapshot,
    copy: KnownSnapshot | undefined,
    original: KnownSnapshot | undefined,
    facts: SnapshotFacts | undefined,
  ): Promise<void> {
    const { snapshotId, copyId } = pair;
    if (!copy) {
      const message = `its encrypted copy ${copyId} is gone; somebody deleted it before the commit. Run this again`;
      this.result.failed.push(failure(snapshotId, message));
      return;
    }
    const against = this.whyNotYet(copy);
    if (against) return this.wait(snapshotId, `its copy ${copyId} ${against}`);
    // It went between two looks, and what nobody has looked at is not deleted.
    if (original && (!facts || facts.encrypted))
      return this.wait(snapshotId, 'nothing could be learned of it a moment ago: send commit again');
    try {
      await this.commitDecided(pair, copy, original, facts);
    } catch (error) {
      if (mayPass(error)) throw error;
      const refusal = failedItem(snapshotId, error);
      if (isNotFound(error)) this.result.failed.push(refusal);
      else this.wait(snapshotId, refusal.message);
    }
  }

  /** What stands against a copy that is good in itself, and can be mended. */
  private whyNotYet(copy: KnownSnapshot): string | undefined {
    const other = otherHolder(copy, this.scope);
    if (other)
      return `carries the mark of workflow ${other}, which has taken it over: commit or roll back that`;
    if (copy.StorageTier === 'archive' || this.archived.has(copy.SnapshotId))
      return 'is in the archive, where nobody can read it: restore it permanently, and send commit again';
    return undefined;
  }

  private async commitDecided(
    pair: EncryptedSnapshot,
    copy: KnownSnapshot,
    original: KnownSnapshot | undefined,
    facts: SnapshotFacts | undefined,
  ): Promise<void> {
    const { snapshotId, copyId } = pair;
    const unfit = whyNoSubstitute(copyFacts(copy), original?.VolumeSize, this.scope.kmsKeyArn);
    if (unfit) {
      if (original) await tryOnceMore(() => deleteSnapshot(this.ec2, copyId));
      const message = `its copy ${copyId} could not stand for it: ${unfit}. Run this again`;
      this.result.failed.push(failure(snapshotId, message));
      return;
    }
    if (!facts) {
      // The original is gone already; there is nothing to delete.
      if (isUncommitted(marksOf(copy))) await mark(this.ec2, copyId, marksOfGone(marksOf(copy).tags));
      this.result.encrypted.push(pair);
      return;
    }
    const reasons = whyNotDeleted(facts);
    if (reasons.length > 0) await this.keep(copyId, snapshotId, reasons);
    else await this.replace(pair, facts);
  }

  /** The marks come first: at no moment is the point nowhere. While both carry them, readers count the copy alone. */
  private async replace(pair: EncryptedSnapshot, facts: SnapshotFacts): Promise<void> {
    const { snapshotId, copyId } = pair;
    await mark(this.ec2, copyId, encryptedCopyTags(facts, this.scope.maker));
    try {
      await tryOnceMore(() => deleteSnapshot(this.ec2, snapshotId));
    } catch (error) {
      if (mayPass(error)) throw error;
      return this.keepOriginal(copyId, failedItem(snapshotId, error));
    }
    this.result.encrypted.push(pair);
  }

  /** EC2 has the last word: something came between the look and the call. The original is the point again. */
  private async keepOriginal(copyId: string, refusal: FailedItem): Promise<void> {
    const { item, type, message } = refusal;
    const stillMarked = await catchRefusal(copyId, () => unmark(this.ec2, copyId, ...PARKED));
    const both = `its copy ${copyId} keeps the marks of the point too: ${stillMarked?.message}`;
    const isRefused = type === FAILURE.conflict || type === FAILURE.invalidRequest;
    if (isRefused) await this.keep(copyId, item, [message]);
    else this.wait(item, stillMarked ? `${message}; ${both}` : message);
  }

  private async keep(copyId: string, item: string, reasons: string[]): Promise<void> {
    await tryOnceMore(() => deleteSnapshot(this.ec2, copyId));
    this.result.kept.push({ item, reasons });
  }

  private wait(item: string, reason: string): void {
    this.result.waiting.push({ item, reasons: [reason] });
  }
}
