import {
  ApplicationFailure,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import {
  runBackupSchema,
  type BackupTargetInput,
  type BackupTargetResult,
  type FailedBackup,
  type RunBackupInput,
  type RunBackupResult,
  type StartedCopyJob,
} from '../../model/backup/run';
import type { CopyJob } from '../../model/copies/copy';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { workflowIds } from '../../model/ids';
import { keptCount } from '../../model/machines/keptVolume';
import { listed } from '../../model/list';
import { missingEverywhere, notThere } from '../../model/policies/missing';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { formatSizes, sumOfSizes } from '../../model/backup/sizes';
import { targetKey, type Target } from '../../model/target';
import { backupTarget } from './backupTarget';
import { startCopyJob } from '../copies/copyRecoveryPoints';
import { endBeforeTimeout } from '../support/beforeTimeout';
import { fail, failedItem, reasonOf, rootCause, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { findPassedSlots } from './passedSlots';
import { mutate, read, readMany } from '../support/options';

const LATE_MS = 60_000;
/** An organization that does not answer is not worth a late backup of the accounts that are known. */
const LOOK_UP = { startToCloseTimeout: '2 minutes', scheduleToCloseTimeout: '5 minutes' } as const;

/**
 * One slot of a policy: everything that it selects gets a completed recovery point, in every target. A slot that ran
 * before creates nothing. A resource that fails does not stop the others, and fails the run.
 */
export async function runBackup(input: RunBackupInput): Promise<RunBackupResult> {
  return runOperation(runBackupSchema(input), input, async (request, run) => {
    run.about({ policy: request.policyName });
    run.phase('Reading the policy');
    const written =
      'schemaVersion' in request ? request : await read(`Read ${request.policyName}`).readPolicy(request);
    const { policy, refused } = await lookUpTargets(written, run);
    const slotMs = slotOf();
    run.remark(`Slot ${new Date(slotMs).toISOString()}${lateness(slotMs, policy)}`);
    const { cutOff, ...missed } = await findPassedSlots(policy, slotMs, run);
    if (policy.legalHold)
      await mutate(`Hold ${policy.policyName}`).ensurePolicyHold({
        policyName: policy.policyName,
        reason: policy.legalHold,
      });
    const begun = await readForTargets(policy, slotMs);
    run.phase('Protecting');
    const outcomes = await endBeforeTimeout((ends) =>
      Promise.all(policy.targets.map((target) => protect({ ...begun, target }, ends, run))),
    );
    const copies = areToBeCopied(outcomes) ? await startCopies(policy, slotMs, run) : [];
    const missing = missingIn(policy, [...refused, ...outcomes]);
    run.rows(missing.map(({ item, message }) => ({ item, state: 'failed', note: message })));
    const result = {
      ...resultOf(policy, slotMs, [...refused, ...outcomes], copies, missing),
      lateMs: lateMs(slotMs),
      missedSlots: missed,
      ...(cutOff && { cutOff }),
    };
    if (result.sizes.snapshots > 0) run.remark(formatSizes(result.sizes));
    if (result.selected === 0 && result.failed.total === 0) throw nothingSelected(policy, result);
    return settle(result, { what: 'resources', succeeded: result.protected, failed: result.failed.total });
  });
}

/**
 * Accounts are added to an organization, and to the accounts file, at any time. What cannot be asked for them must not
 * keep those that are known unprotected; it fails the run all the same.
 */
async function lookUpTargets(
  policy: NormalizedPolicy,
  run: Run,
): Promise<{ policy: NormalizedPolicy; refused: TargetOutcome[] }> {
  const { targetsFrom, residency } = policy;
  if (!targetsFrom) return { policy, refused: [] };
  run.phase('Looking up the targets');
  try {
    const { targets, refused } = await read('Look up the targets', LOOK_UP).listPolicyTargets({
      written: targetsFrom,
      residency,
    });
    const missing = refused.map((notRun) => ({ notRun }));
    for (const { item, message } of refused) run.row(item, 'failed', message);
    const isKnown = targets.map(targetKey).join() === policy.targets.map(targetKey).join();
    if (!isKnown) await mutate(`Note ${targets.length} targets`, LOOK_UP).moveTargets({ policy, targets });
    return { policy: { ...policy, targets }, refused: missing };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { policy, refused: [{ notRun: failedItem('targets', error) }] };
  }
}

/** The nominal time that the policy was due at; for a run by hand, when it started. */
function slotOf(): number {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const scheduled = typedSearchAttributes.get({ name: 'TemporalScheduledStartTime', type: 'DATETIME' });
  return (scheduled ?? startTime).getTime();
}

/** After an outage, or when a slot is backfilled. */
function lateness(slotMs: number, { jitterMs = 0 }: NormalizedPolicy): string {
  return lateMs(slotMs) > LATE_MS + jitterMs ? `, begun ${formatDuration(lateMs(slotMs))} late` : '';
}

function lateMs(slotMs: number): number {
  return Math.max(0, workflowInfo().startTime.getTime() - slotMs);
}

/** Points that count as failed, for they are late or could not be locked, are points, and are copied too. */
function areToBeCopied(outcomes: readonly TargetOutcome[]): boolean {
  const ran = ranOf(outcomes);
  return patched('failed-points-are-copied')
    ? ran.some(({ recoveryPoints }) => recoveryPoints.total > 0)
    : ran.some((result) => result.protected > 0);
}

/** What the policy names by id and nobody has seen. A target that was not read may have it, and is a failure itself. */
function missingIn({ targets }: NormalizedPolicy, outcomes: TargetOutcome[]): FailedBackup[] {
  const ran = ranOf(outcomes);
  if (ran.length < outcomes.length) return [];
  return missingEverywhere(ran).map((item) => ({
    item,
    type: FAILURE.notFound,
    message: notThere(item, targets),
  }));
}

type TargetRan = BackupTargetResult & { target: Target };
type TargetOutcome = TargetRan | { notRun: FailedBackup };

function ranOf(outcomes: readonly TargetOutcome[]): TargetRan[] {
  return outcomes.flatMap((outcome) => ('notRun' in outcome ? [] : outcome));
}

function withTarget(result: BackupTargetResult, target: Target): TargetOutcome {
  return { ...result, target };
}

/** What all targets are told, read once for all of them. */
async function readForTargets(
  policy: NormalizedPolicy,
  slotMs: number,
): Promise<Omit<BackupTargetInput, 'target'>> {
  const begun = { policy, slotMs, begunMs: workflowInfo().startTime.getTime() };
  if (!patched('holds-are-read-once')) return begun;
  const holds = await readMany('Look for legal holds').openHolds({ policy });
  return { ...begun, begunBy: '0.2', holds };
}

/**
 * A child that outlives a terminated parent, and one that has to end: its snapshots are started, and somebody must see them
 * complete.
 */
async function protect(
  input: BackupTargetInput,
  ends: Promise<never> | undefined,
  run: Run,
): Promise<TargetOutcome> {
  const { policy, target } = input;
  const name = targetKey(target);
  run.row(name, 'running');
  try {
    const protecting = executeChild(backupTarget, {
      workflowId: workflowIds.backupTarget(workflowInfo().workflowId, target),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${policy.policyName} in ${name}`,
    });
    const result = await (ends ? Promise.race([protecting, ends]) : protecting);
    run.row(name, 'protected', `${result.protected} of ${result.selected}${leftOutOf(result)}`);
    return withTarget(result, target);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const partial = resultIn(error);
    run.row(
      name,
      'failed',
      partial
        ? `${partial.protected} of ${partial.selected}${leftOutOf(partial)}; ${oldestPoint(partial)}`
        : reasonOf(error),
    );
    return partial ? withTarget(partial, target) : { notRun: failedItem(name, error) };
  }
}

/** In words for the table; nothing where nothing is left out. */
function leftOutOf({ leftOut }: BackupTargetResult): string {
  return leftOut?.total ? `; ${keptCount(leftOut.total)} left out` : '';
}

function oldestPoint({ failed }: BackupTargetResult): string {
  const last = failed.items.map(({ lastPoint }) => lastPoint);
  const known = last.filter((each) => each !== undefined).sort();
  return known.length < last.length
    ? 'some of the others have no point of the last ten slots'
    : `the others' last good points are of ${known[0]} and later`;
}

/** A child that protected only some says which, in its failure's details. */
function resultIn(error: unknown): BackupTargetResult | undefined {
  const cause = rootCause(error);
  const isPartial =
    cause instanceof ApplicationFailure &&
    (cause.type === FAILURE.partialFailure || cause.type === FAILURE.allFailed);
  return isPartial ? (cause.details?.[0] as BackupTargetResult | undefined) : undefined;
}

/** Each target's points go to each region in a workflow of their own, which outlives this run. */
async function startCopies(policy: NormalizedPolicy, slotMs: number, run: Run): Promise<StartedCopyJob[]> {
  const { policyName, timezone, rpoMs } = policy;
  const jobs = policy.targets.flatMap((target) =>
    policy.copies.map((terms): CopyJob => ({ policyName, slotMs, target, terms, timezone, rpoMs })),
  );
  if (jobs.length > 0) run.phase('Starting copies');
  return Promise.all(jobs.map(startCopy));
}

async function startCopy(job: CopyJob): Promise<StartedCopyJob> {
  const told = { workflowId: workflowIds.copies(job), from: job.target, toRegion: job.terms.toRegion };
  return { ...told, state: (await startCopyJob(job)) ? 'STARTED' : 'RUNNING' };
}

function resultOf(
  policy: NormalizedPolicy,
  slotMs: number,
  outcomes: TargetOutcome[],
  copies: StartedCopyJob[],
  missing: FailedBackup[],
): Omit<RunBackupResult, 'lateMs' | 'missedSlots' | 'cutOff'> {
  const ran = ranOf(outcomes);
  const notRun = outcomes.flatMap((outcome) => ('notRun' in outcome ? outcome.notRun : []));
  const sum = (pick: (result: BackupTargetResult) => number) =>
    ran.reduce((total, result) => total + pick(result), 0);
  const selected = sum((result) => result.selected) + missing.length;
  const isProtected = sum((result) => result.protected);
  const failures = [...notRun, ...missing, ...ran.flatMap(({ failed }) => failed.items)];
  const failed = listed(failures, notRun.length + missing.length + sum((result) => result.failed.total));
  const points = ran.flatMap(({ recoveryPoints }) => recoveryPoints.items);
  return {
    policyName: policy.policyName,
    slot: new Date(slotMs).toISOString(),
    status: statusOf(
      isProtected,
      failed.total,
      sum((result) => result.created),
    ),
    selected,
    protected: isProtected,
    volumes: sum((result) => result.volumes),
    failed,
    leftOut: listed(
      ran.flatMap(({ target, leftOut }) => (leftOut?.total ? { target, volumes: leftOut.total } : [])),
    ),
    recoveryPoints: listed(
      points,
      sum(({ recoveryPoints }) => recoveryPoints.total),
    ),
    copies: listed(copies),
    sizes: sumOfSizes(ran.map(({ sizes }) => sizes)),
    coverage: selected === 0 ? 0 : isProtected / selected,
  };
}

function statusOf(isProtected: number, failed: number, created: number): RunBackupResult['status'] {
  if (isProtected === 0) return 'FAILED';
  if (failed > 0) return 'PARTLY_FAILED';
  return created === 0 ? 'DUPLICATE_SLOT' : 'COMPLETED';
}

function nothingSelected(
  { policyName, selector, targets }: NormalizedPolicy,
  { leftOut }: Pick<RunBackupResult, 'leftOut'>,
) {
  const where = targets.map(targetKey).join(', ');
  const kept = leftOut.items.reduce((sum, { volumes }) => sum + volumes, 0);
  const but = kept > 0 ? `but ${keptCount(kept)} ` : '';
  return fail(
    FAILURE.nothingSelected,
    `policy ${policyName} selects nothing in ${where}: no instance or volume ${but}matches ${JSON.stringify(selector)}`,
  );
}
