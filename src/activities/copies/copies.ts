import { Context, log } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { CopySnapshotCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { notYetVisible } from '../../aws/applicationFailures';
import { classify } from '../../aws/classify';
import { isNotFound, isUnsure } from '../../aws/failures';
import { expiryOf } from '../../calendar/calendar';
import { destinationOf, type CopyJob } from '../../model/copies/copy';
import { FAILURE } from '../../model/failures';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { copyTags } from '../../model/points/recoveryPoint';
import { parseResidency, residencyProblem } from '../../model/points/residency';
import type { Target } from '../../model/target';
import { byPlace } from '../support/pace/byPlace';
import { findCopiesIn, copiesOf, noCopies, severalCopies } from './found';
import { overOf, sleepUntil, type FinishedCopies } from '../points/copyWaits';
import type { ActivityDeps } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { KnownSources } from './knownSources';
import { findNotLocked } from './locks';
import { isOpenWorkflow } from '../support/openWorkflows';
import { Pace } from '../support/pace/pace';
import { readClaimsFor, deleteSnapshot, snapshotsById, sourceVolumeOf } from '../points/recoveryPoints';
import { slotFilters, findSnapshotsOfSlot } from './slotSnapshots';
import { isDenied } from '../support/unlessDenied';
import { unlessUnknown } from '../support/unlessUnknown';
import { now, sleep } from '../support/pace/waits';
import { tagList, tagMap } from '../support/tags';
import { modifySnapshot } from '../points/permissions';
import { LAGS_UNTIL_GONE } from '../support/gone';
import { told, type KnownSnapshot } from '../support/known';

/** Of one look; the queue looks again until none is left. */
const ITEMS_A_LOOK = 1000;

export interface Uncopied {
  /** Completed snapshots without a copy. */
  items: string[];
  /** Copies that are being made already, or have ended in error and stand in the way: who waits for them is told so. */
  underWay: { snapshotId: string; copyId: string }[];
  /** Snapshots that have a completed copy. */
  copied: number;
  /** False when there are more than `items`, or some are pending. */
  complete: boolean;
  /** Snapshots that are not complete yet. */
  pending?: number;
  /** Snapshots of which several seem to be the copy under way. */
  failed?: FailedItem[];
}

interface StartRequest {
  /** Workflow that waits for the copies; unknown of queues that began before it was asked for. */
  jobId?: string;
  job: CopyJob;
  snapshotIds: string[];
  /** Somebody else may have started copies a moment ago: wait until reads show them. */
  afterLag: boolean;
}

export interface CopyStarts {
  started: { snapshotId: string; copyId: string }[];
  failed: FailedItem[];
  /** EBS takes no more copies to this region now: somebody else's run too. */
  full: boolean;
}

/** Attempts after which a refusal that nobody can judge is one snapshot's own; the others of its batch go on. */
const PATIENT_ATTEMPTS = 6;
/** Each look is a call, which a copy that is seen complete a little later is not worth. */
const LOOKS_A_COPY = 4;

/** Copies of recovery points: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html */
export function copyActivities({ aws, calendar, temporal, settings }: ActivityDeps) {
  const paces = byPlace(() => new Pace(settings.pollMs, LOOKS_A_COPY));
  const sources = new KnownSources();
  const clients = (job: CopyJob) => ({
    from: aws.ec2(job.target, 'backup'),
    to: aws.ec2(destinationOf(job), 'backup'),
    share: aws.ec2(job.target, 'share'),
  });

  /** What is shared for a job that was cancelled or terminated nobody takes back any more. */
  const mayShare = async (jobId: string | undefined, { terms }: CopyJob) =>
    jobId === undefined || terms.toAccount === undefined || (await isOpenWorkflow(temporal, jobId));
  const findUnlocked = async (
    to: EC2Client,
    copies: KnownSnapshot[],
    { terms: { lock }, timezone }: CopyJob,
  ) => {
    if (!lock) return new Set<string>();
    const done = copies.filter(({ State }) => State === 'completed');
    const open = await unlessUnknown(() => findNotLocked(to, done, { lock, timezone }, calendar.now()));
    return new Set(open?.keys() ?? done.map(({ SnapshotId }) => SnapshotId));
  };

  return {
    /**
     * What a job still has to copy, from the snapshots and copies that exist now. A copy whose policy locks it, and that is not locked
     * because the queue that waited for it was lost, counts as under way: who waits for it locks it.
     */
    async findUncopied({ job, except }: { job: CopyJob; except: string[] }): Promise<Uncopied> {
      const { from, to } = clients(job);
      const { good: copies, broken } = await findCopiesIn(to, slotFilters(job));
      const unlocked = await findUnlocked(to, [...copies.values()].flat(), job);
      const failed: FailedItem[] = [];
      const found: Uncopied = { items: [], underWay: [], copied: 0, complete: true, failed };
      const skip = new Set(except);
      for (const { snapshot: source } of await findSnapshotsOfSlot(from, job, settings)) {
        const { SnapshotId, State } = source;
        const candidates = copiesOf(source, copies, job);
        const done = candidates.find((copy) => copy.State === 'completed');
        const isLeft = done !== undefined && unlocked.has(done.SnapshotId) && !skip.has(SnapshotId);
        if (done && !isLeft) found.copied += 1;
        if (State === 'pending') found.pending = (found.pending ?? 0) + 1;
        if (State !== 'completed' || skip.has(SnapshotId) || (done && !isLeft)) continue;
        const [inError] = copiesOf(source, broken, job);
        const [first = inError, another] = candidates;
        const copy = done ?? first;
        if (another && !done) failed.push(failedItem(SnapshotId, severalCopies(SnapshotId, candidates)));
        else if (copy) found.underWay.push({ snapshotId: SnapshotId, copyId: copy.SnapshotId });
        else if (found.items.length < ITEMS_A_LOOK) {
          found.items.push(SnapshotId);
          sources.keep(source);
        } else found.complete = false;
      }
      if (found.pending) found.complete = false;
      return found;
    },

    /**
     * Starts the copies of these snapshots, each exactly once. CopySnapshot has no client token: whoever asked has just
     * looked for copies; a retry waits out the read lag and looks again, by the tag that names their source. One whose answer was lost and
     * that has ended in error since counts as started: who waits for it deletes it, and makes it again.
     */
    async startCopies({ jobId, job, snapshotIds, afterLag }: StartRequest): Promise<CopyStarts> {
      const { from, to, share } = clients(job);
      const mayExist = afterLag || Context.current().info.attempt > 1;
      if (mayExist) await sleep(settings.readLagMs);
      const Filters = [{ Name: `tag:${TAG.copyOf}`, Values: snapshotIds }];
      const { good: existing, broken } = mayExist ? await findCopiesIn(to, Filters) : noCopies();
      const found = await sources.of(from, snapshotIds);
      const result: CopyStarts = { started: [], failed: [], full: false };
      for (const snapshotId of snapshotIds) {
        Context.current().heartbeat(result.started.length);
        Context.current().cancellationSignal.throwIfAborted();
        const source = found.get(snapshotId);
        const candidates = source ? copiesOf(source, existing, job) : [];
        const [inError] = source ? copiesOf(source, broken, job) : [];
        const known = candidates.find(({ State }) => State === 'completed') ?? candidates[0] ?? inError;
        if (known?.State !== 'completed' && candidates.length > 1)
          result.failed.push(failedItem(snapshotId, severalCopies(snapshotId, candidates)));
        else if (known) result.started.push({ snapshotId, copyId: known.SnapshotId });
        else if (!(await mayShare(jobId, job))) result.failed.push(nobodyLeft(snapshotId, job));
        else if (!result.full) await startCopy({ to, share }, job, snapshotId, source, result);
      }
      for (const { copyId } of result.started) paces(destinationOf(job)).recordStart(copyId);
      return result;
    },

    /** Waits until at least one of these copies is over; one Describe serves all. */
    async awaitCopies({ target, copyIds }: { target: Target; copyIds: string[] }): Promise<FinishedCopies> {
      const ec2 = aws.ec2(target, 'backup');
      const pace = paces(target);
      for (const id of copyIds) pace.recordStart(id);
      const seenAt = new Map(copyIds.map((id) => [id, now()]));
      for (let lookedAt = now(); ; lookedAt = now()) {
        await sleepUntil(pace.nextLook(copyIds, lookedAt), settings.pollMs);
        const found = await snapshotsById(ec2, copyIds);
        const result = overOf(copyIds, found, seenAt, LAGS_UNTIL_GONE * settings.readLagMs);
        for (const id of result.completed) pace.recordCompletion(id);
        for (const { copyId } of result.failed) pace.forget(copyId);
        for (const [id, { State }] of found) if (State === 'pending') pace.recordPending(id);
        if (result.completed.length + result.failed.length > 0) return result;
      }
    },

    /**
     * Deletes copies that ended in error; what is gone already is done, and what is not the only one that claims to be the
     * copy stays. It takes who may delete there, as in all places;
     * where that is nobody of this worker's, they stay: nothing counts on them, and `sweepOrphans` finds them.
     */
    async deleteFailedCopies({ target, copyIds }: { target: Target; copyIds: string[] }): Promise<void> {
      try {
        const ec2 = aws.ec2(target, 'retention');
        const broken = [...(await snapshotsById(ec2, copyIds)).values()].filter(
          ({ State }) => State === 'error',
        );
        const points = broken.flatMap(({ Tags }) => tagMap(Tags)[TAG.recoveryPoint] ?? []);
        const all = [...(await readClaimsFor(ec2, points)).values()];
        const doubted = new Set(all.flatMap(({ rivals }) => [...rivals.values()].flat()));
        for (const { SnapshotId } of broken) {
          if (doubted.has(SnapshotId))
            log.warn('a copy in error stays: several claim to be it', { SnapshotId });
          else await deleteSnapshot(ec2, SnapshotId);
        }
      } catch (error) {
        if (!isDenied(error)) throw error;
        log.warn('copies in error stay: this worker may not delete there', { copyIds, error });
      }
    },
  };
}

async function startCopy(
  { to, share }: { to: EC2Client; share: EC2Client },
  job: CopyJob,
  snapshotId: string,
  source: KnownSnapshot | undefined,
  result: CopyStarts,
): Promise<void> {
  const problem = source ? whyNot(job, source) : GONE;
  if (!source || problem) {
    result.failed.push({ item: snapshotId, type: FAILURE.resourceFailed, message: problem ?? GONE });
    return;
  }
  try {
    const { toAccount } = job.terms;
    if (toAccount !== undefined) await modifySnapshot(share, snapshotId, { Add: [{ UserId: toAccount }] });
    const answer = await to.send(copyCommand(job, source));
    const { SnapshotId: copyId } = told(answer, `CopySnapshot of ${snapshotId}`, 'SnapshotId');
    result.started.push({ snapshotId, copyId });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { type, retry, bounded } = classify(error.name);
    // What was shared a moment ago may not be seen there yet; what is gone, the next look says.
    if (type === FAILURE.quotaExceeded && retry && !bounded) result.full = true;
    else if (isNotFound(error) && job.terms.toAccount !== undefined) throw notSharedYet(job, snapshotId);
    else if (retry && type !== FAILURE.conflict && !isFinallyUnsure(error)) throw error;
    else result.failed.push(failedItem(snapshotId, error));
  }
}

function nobodyLeft(snapshotId: string, { terms }: CopyJob): FailedItem {
  const message = `its copy was not begun: the job that takes the snapshot back from ${terms.toAccount} afterwards has ended`;
  return { item: snapshotId, type: FAILURE.conflict, message };
}

function isFinallyUnsure(error: Error): boolean {
  return isUnsure(error) && Context.current().info.attempt >= PATIENT_ATTEMPTS;
}

function notSharedYet({ terms }: CopyJob, snapshotId: string): ApplicationFailure {
  return notYetVisible(`${snapshotId} is shared with ${terms.toAccount}, which does not see it yet`);
}

const GONE = 'the snapshot is gone; somebody deleted it before it was copied';

function whyNot({ terms }: CopyJob, source: KnownSnapshot): string | undefined {
  const forbidden = residencyProblem(parseResidency(tagMap(source.Tags)[TAG.residency]), terms.toRegion);
  if (forbidden) return forbidden;
  if (source.Encrypted && !terms.kmsKeyId) {
    return `the snapshot is encrypted, and the policy names no key of ${terms.toRegion}; give copies.kmsKeyId a key there`;
  }
  return undefined;
}

function copyCommand(job: CopyJob, source: KnownSnapshot): CopySnapshotCommand {
  const { SnapshotId: snapshotId, Description } = source;
  const { kmsKeyId: KmsKeyId, retention, archive, withinMinutes } = job.terms;
  const { workflowExecution } = Context.current().info;
  const tags = tagMap(source.Tags);
  const takenAt = Date.parse(tags[TAG.takenAt] ?? '');
  const marks = copyTags(tags, {
    snapshotId,
    volumeId: sourceVolumeOf(source),
    target: job.target,
    expiresAt: expiryOf(takenAt, retention.keep, job.timezone),
    retention,
    ...(archive && { archive }),
    timezone: job.timezone,
    workflowId: workflowExecution?.workflowId ?? '',
    runId: workflowExecution?.runId ?? '',
  });
  return new CopySnapshotCommand({
    SourceRegion: job.target.region,
    SourceSnapshotId: snapshotId,
    Description,
    ...(KmsKeyId && { Encrypted: true, KmsKeyId }),
    ...(withinMinutes && { CompletionDurationMinutes: withinMinutes }),
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(marks) }],
  });
}
