import { ApplicationFailure } from '@temporalio/common';
import { DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { passingFailure } from '../../../aws/applicationFailures';
import { FAILURE } from '../../../model/failures';
import { TAG } from '../../../model/names';
import type { FailedItem } from '../../../model/outcome';
import type {
  EncryptedSnapshot,
  SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { IN_ARCHIVE, findTiering } from '../../points/tiers';
import {
  Commit,
  failure,
  mayPass,
  otherHolder,
  standIn,
  type CommittedBatch,
  type CommittedCopies,
} from './copyCommit';
import { sleepUntil } from '../../points/copyWaits';
import type { ActivityDeps } from '../../support/deps';
import { failedItem, tryOnceMore } from '../../support/failedItem';
import { heartbeat } from '../../support/pace/heartbeat';
import { requireUsableKey } from '../../keys/checks';
import { keyProbeActivities } from '../../keys/probes';
import { deleteSnapshot, snapshotsById } from '../../points/recoveryPoints';
import { readSnapshotFacts } from './facts';
import { findUnrecorded } from './unrecordedCopies';
import { now } from '../../support/pace/waits';
import type { KnownSnapshot } from '../../support/known';

/** Few enough that what was looked at is acted on within a minute at EC2's rate. */
const A_BATCH = 100;

interface Batch {
  scope: SnapshotScope;
  /** Those that the run has recorded: no others are looked at. */
  copies: EncryptedSnapshot[];
}

export interface TakenBackCopies {
  /** Ids of copies. */
  deleted: string[];
  /** Copies whose originals are gone: they are the last of their data. */
  spared: EncryptedSnapshot[];
  failed: FailedItem[];
}

/** Of 0.1.0, which did not say which copies it meant. */
interface TaggedBatch {
  scope: SnapshotScope;
  /** Originals; all when left out. */
  only?: readonly string[] | undefined;
  /** Id of the last copy of the batch before. */
  cursor?: string | undefined;
}

/** What becomes of a run's encrypted copies: they stand for their originals, or go. */
export function snapshotCommitActivities(deps: ActivityDeps) {
  /** The ids of the next copies of a run that has recorded none: what can be proven to be its own. */
  const findTaggedBatch = async ({ scope, only, cursor = '' }: TaggedBatch) => {
    const { found, ambiguous } = await findUnrecorded(deps, { scope });
    const all = found
      .filter(({ snapshotId, copyId }) => copyId > cursor && (!only || only.includes(snapshotId)))
      .sort((a, b) => (a.copyId < b.copyId ? -1 : 1));
    const copies = all.slice(0, A_BATCH);
    const last = copies.at(-1)?.copyId;
    const isFirst = cursor === '';
    return {
      copies,
      failed: isFirst ? ambiguous.filter(({ item }) => !only || only.includes(item)) : [],
      next: all.length > copies.length && last ? { cursor: last } : {},
    };
  };

  const commitCopies = async ({ scope, copies }: Batch): Promise<CommittedCopies> => {
    const refused = await whyKeyRefused(deps, scope);
    if (refused) return { encrypted: [], kept: [], failed: [], waiting: [], refused };
    const ec2 = deps.aws.ec2(scope.target, 'migrate');
    const there = await lookTwice(
      deps,
      ec2,
      copies.flatMap(({ snapshotId, copyId }) => [snapshotId, copyId]),
    );
    const originals = copies.flatMap(({ snapshotId }) => there.get(snapshotId) ?? []);
    const facts = new Map(
      (await readSnapshotFacts(deps, scope, originals)).map((each) => [each.snapshotId, each]),
    );
    // Of one on its way there the snapshot itself says nothing.
    const archived = await findTiering(
      deps.aws.ec2(scope.target, 'read'),
      copies.map(({ copyId }) => copyId),
      IN_ARCHIVE,
    );
    const result: CommittedCopies = { encrypted: [], kept: [], failed: [], waiting: [] };
    const commit = new Commit(ec2, scope, archived, result);
    for (const pair of copies) {
      heartbeat();
      await commit.commitOne(
        pair,
        there.get(pair.copyId),
        there.get(pair.snapshotId),
        facts.get(pair.snapshotId),
      );
    }
    return result;
  };

  const takeBackCopies = async ({
    scope,
    copies,
    afterLag,
    waitsFirst = false,
  }: Batch & { afterLag: boolean; waitsFirst?: boolean }): Promise<TakenBackCopies> => {
    const { readLagMs, pollMs } = deps.settings;
    if (waitsFirst) await sleepUntil(now() + readLagMs, pollMs);
    const ec2 = deps.aws.ec2(scope.target, 'migrate');
    const there = await snapshotsById(
      ec2,
      copies.map(({ copyId }) => copyId),
    );
    const originals = await lookTwice(
      deps,
      ec2,
      copies.map(({ snapshotId }) => snapshotId),
    );
    const result: TakenBackCopies = { deleted: [], spared: [], failed: [] };
    for (const pair of copies) {
      heartbeat();
      const copy = there.get(pair.copyId);
      // What is not shown at first may have been begun a moment ago; later on it is gone.
      if (afterLag && !copy) continue;
      try {
        await takeCopyBack(ec2, scope, pair, { copy, isLast: !originals.has(pair.snapshotId) }, result);
      } catch (error) {
        if (mayPass(error)) throw error;
        result.failed.push(failedItem(pair.copyId, error));
      }
    }
    return result;
  };

  return {
    /**
     * The commit point of a batch. Everything that the plan relied on is asked once more: the key, each copy, each
     * original. Then a copy takes its original's marks, and the original is deleted. A copy stays marked as uncommitted
     * until `settleEncryptions`, so that a retry finds all that this has done.
     */
    commitCopies,

    /** Ends the commit of copies that stand for their originals: nothing takes them back from now on. */
    async settleEncryptions({ scope, copyIds }: { scope: SnapshotScope; copyIds: string[] }): Promise<void> {
      const ec2 = deps.aws.ec2(scope.target, 'migrate');
      // One that is gone would fail all: expiry may have had its turn.
      const Resources = [...(await snapshotsById(ec2, copyIds)).keys()];
      if (Resources.length > 0)
        await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: TAG.uncommitted }] }));
    },

    /**
     * Deletes copies that nobody has committed. One whose original is gone becomes what that was: it may be all that is
     * left.
     *
     * @param afterLag looks at what an earlier pass has left; that pass deletes without a look at the copy, which may
     * have been begun a moment ago
     * @param waitsFirst until reads show what the pass before has done
     */
    takeBackCopies,

    /** By its name of 0.1.0. It cannot say that something waits: where the key cannot be used, it tries again until it can. */
    async commitEncryptions(request: TaggedBatch): Promise<CommittedBatch & { cursor?: string }> {
      const { scope } = request;
      const { copies, failed, next } = await findTaggedBatch(request);
      const { waiting, refused, ...result } = await commitCopies({ scope, copies });
      if (refused) throw passingFailure(FAILURE.keyUnusable, refused);
      const held = waiting.map(({ item, reasons }) => failure(item, reasons.join('; ')));
      return { ...result, failed: [...result.failed, ...failed, ...held], ...next };
    },

    /** By its name of 0.1.0. An empty look is not believed at once, because a copy may have been begun a moment ago. */
    async takeBackEncryptions(request: TaggedBatch & { afterLag: boolean }): Promise<TakenBackBatch> {
      const { scope, cursor, afterLag } = request;
      const { readLagMs, pollMs } = deps.settings;
      const wait = () => sleepUntil(now() + readLagMs, pollMs);
      const isFirst = cursor === undefined;
      if (isFirst && afterLag) await wait();
      let batch = await findTaggedBatch(request);
      if (isFirst && !afterLag && batch.copies.length === 0) {
        await wait();
        batch = await findTaggedBatch(request);
      }
      const { deleted, spared, failed } = await takeBackCopies({
        scope,
        copies: batch.copies,
        afterLag: false,
      });
      return { deleted: deleted.length, spared, failed: [...failed, ...batch.failed], ...batch.next };
    },
  };
}

interface TakenBackBatch {
  deleted: number;
  spared: EncryptedSnapshot[];
  failed: FailedItem[];
  cursor?: string;
}

/** Undefined where EBS can use the key. One that is to be deleted would take with it all that is under it. */
async function whyKeyRefused(
  deps: ActivityDeps,
  { target, kmsKeyArn }: SnapshotScope,
): Promise<string | undefined> {
  try {
    await requireUsableKey(deps, target, kmsKeyArn);
    await keyProbeActivities(deps).requireKeyUse({ target, kmsKeyArn });
    return undefined;
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === FAILURE.keyUnusable) return error.message;
    throw error;
  }
}

/** What one look does not show is looked for again after the read lag: then it is gone. */
async function lookTwice(
  { settings: { readLagMs, pollMs } }: ActivityDeps,
  ec2: EC2Client,
  snapshotIds: readonly string[],
): Promise<Map<string, KnownSnapshot>> {
  const found = await snapshotsById(ec2, snapshotIds);
  const missing = snapshotIds.filter((id) => !found.has(id));
  if (missing.length === 0) return found;
  await sleepUntil(now() + readLagMs, pollMs);
  return new Map([...found, ...(await snapshotsById(ec2, missing))]);
}

async function takeCopyBack(
  ec2: EC2Client,
  scope: SnapshotScope,
  pair: EncryptedSnapshot,
  { copy, isLast }: { copy: KnownSnapshot | undefined; isLast: boolean },
  result: TakenBackCopies,
): Promise<void> {
  const { copyId } = pair;
  const other = copy && otherHolder(copy, scope);
  if (other) {
    result.failed.push(
      failure(copyId, `it carries the mark of workflow ${other} now: commit or roll back that`),
    );
  } else if (!isLast) {
    await tryOnceMore(() => deleteSnapshot(ec2, copyId));
    result.deleted.push(copyId);
  } else if (copy) {
    await standIn(ec2, copy);
    result.spared.push(pair);
  }
}
