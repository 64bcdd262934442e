import { CancellationScope, continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { ProtectRequest } from '../../activities/backup/items';
import {
  backupTargetInput,
  type BackupTargetInput,
  type BackupTargetRequest,
  type BackupTargetResult,
  type RecoveryPointSummary,
} from '../../model/backup/run';
import { FAILURE } from '../../model/failures';
import type { Hold } from '../../model/retention/hold';
import { whyKept, nameInstead, type SelectedKept } from '../../model/machines/keptVolume';
import { and, listed } from '../../model/list';
import type { FailedItem } from '../../model/outcome';
import type { ProgressRow } from '../../model/progress';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { noSizes, sumOfSizes, type Sizes } from '../../model/backup/sizes';
import { targetKey, type Target } from '../../model/target';
import { measure, sayLastPoints, tellAlarms } from './reports';
import { failedItem, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { batch, protect, readMany } from '../support/options';
import { dueMs, watchRpoDuring } from './rpoWatch';
import type { BackupUnit } from '../../model/machines/unit';
import { inChunks } from '../../model/group';

const PHASE = 'Protecting';
/** While the last snapshots of one page complete, the next page takes the room that they leave. */
const PAGES_AT_ONCE = 2;
/** As many as a page of the inventory holds. */
const UNITS_A_PAGE = 200;

interface Protected {
  /** Points that were made. */
  made: RecoveryPointSummary[];
  /** What is starting or stopping, and is to be tried again. */
  moving: BackupUnit[];
}

/** One target of one backup run, page by page. */
export async function backupTarget(input: BackupTargetInput): Promise<BackupTargetResult> {
  return runOperation(backupTargetInput, input, async (request, run) => {
    const { policy, target } = request;
    const subject = { policy: policy.policyName, target };
    if (request.begunBy) run.about(subject, PHASE);
    else {
      run.about(subject);
      run.phase(PHASE);
    }
    const result = request.soFar ?? nothingYet();
    return watchRpoDuring(request, result, () => protectAll(request, result, run));
  });
}

async function protectAll(
  request: BackupTargetRequest,
  result: BackupTargetResult,
  run: Run,
): Promise<BackupTargetResult> {
  const { policy, target } = request;
  const holds = request.holds ?? (await readMany('Look for legal holds').openHolds({ policy }));
  const pages = new Set<Promise<void>>();
  const measured: Promise<Sizes>[] = [];
  const unsettled = [...(request.unsettled ?? [])];
  const startPage = (units: BackupUnit[], handBack: boolean) => {
    const page = protectPage({ ...request, holds, handBack }, units, result, run)
      .then(({ made, moving }) => {
        unsettled.push(...moving);
        if (made.length > 0) measured.push(measure(request, made));
      })
      .finally(() => pages.delete(page));
    pages.add(page);
  };
  let cursor = request.cursor;
  do {
    const page = await readMany(`List resources of ${targetKey(target)}`).listUnits({
      target,
      selector: policy.selector,
      cursor,
    });
    cursor = page.cursor;
    leaveOut(page.kept ?? [], result, run);
    if (page.missing) result.missing = [...(result.missing ?? []), ...page.missing];
    if (page.units.length > 0) startPage(page.units, true);
    if (pages.size >= PAGES_AT_ONCE) await Promise.race(pages);
    if (workflowInfo().continueAsNewSuggested && cursor !== undefined) {
      await Promise.all(pages);
      result.sizes = sumOfSizes([result.sizes, ...(await Promise.all(measured))]);
      await continueAsNew<typeof backupTarget>({
        ...request,
        // Of a while ago by now.
        holds: undefined,
        cursor,
        soFar: result,
        ...(unsettled.length > 0 && { unsettled }),
      });
    }
  } while (cursor !== undefined);
  await Promise.all(pages);
  // Last, because they wait for nobody knows how long.
  const last = unsettled.splice(0);
  for (const page of inChunks(last, UNITS_A_PAGE)) startPage(page, false);
  await Promise.all(pages);
  result.sizes = sumOfSizes([result.sizes, ...(await Promise.all(measured))]);
  if (result.failed.total > 0) await sayLastPoints(request, result, run);
  await tellAlarms(request, result, run);
  return settle(result, { what: 'resources', succeeded: result.protected, failed: result.failed.total });
}

function nothingYet(): BackupTargetResult {
  return {
    selected: 0,
    protected: 0,
    created: 0,
    volumes: 0,
    recoveryPoints: listed([]),
    failed: listed([]),
    leftOut: listed([]),
    sizes: noSizes(),
  };
}

/** What Holdfast keeps for itself is no part of the fleet. Whoever names it by its id goes without a backup, and is told. */
function leaveOut(kept: readonly SelectedKept[], result: BackupTargetResult, run: Run): void {
  const named = kept.filter(({ unprotected }) => unprotected);
  const others = kept.filter(({ unprotected }) => !unprotected);
  for (const each of others)
    result.leftOut = and(result.leftOut ?? listed([]), [{ item: each.volumeId, why: whyKept(each) }]);
  run.rows(others.map((each) => row(each.volumeId, 'left out', whyKept(each))));
  result.selected += named.length;
  const failures = named.map((each) => ({
    item: each.volumeId,
    type: FAILURE.conflict,
    message: nameInstead(each),
  }));
  note(result, failures, run);
}

/**
 * One page. Throws only when cancelled: what stops a page is a failure of its resources, and the
 * other pages go on.
 */
async function protectPage(
  asked: BackupTargetRequest & { holds: Hold[]; handBack: boolean },
  units: BackupUnit[],
  result: BackupTargetResult,
  run: Run,
): Promise<Protected> {
  const { policy, target, slotMs, holds, handBack } = asked;
  run.rows(
    units.map(({ resourceId, volumeIds }) => row(resourceId, 'protecting', `${volumeIds.length} volumes`)),
  );
  const { workflowId, firstExecutionRunId: runId } = workflowInfo();
  const request = {
    ...{ policy, target, slotMs, workflowId, runId, units, holds, dueMs: dueMs(asked) },
    ...(handBack && { handBack }),
  };
  try {
    const outcome = await protect(`Protect ${units.length} resources`).protectUnits(request);
    outcome.failed.push(...(await lock(policy, target, outcome.completed)));
    const moving = outcome.unsettled ?? [];
    result.selected += units.length - outcome.leftOut.length - moving.length;
    const failed = new Set(outcome.failed.map(({ item }) => item));
    for (const point of outcome.completed) {
      if (!failed.has(point.resourceId)) result.protected += 1;
      result.volumes += point.snapshotIds.length;
      if (point.created) result.created += 1;
      result.recoveryPoints = and(result.recoveryPoints, [point]);
    }
    run.rows([
      ...moving.map(({ resourceId }) => row(resourceId, 'waiting', 'it is starting or stopping')),
      ...outcome.leftOut.map((resourceId) =>
        row(resourceId, 'left out', 'it has no EBS volumes, or the policy excludes them'),
      ),
      ...outcome.completed.map((point) =>
        row(point.resourceId, point.created ? 'protected' : 'was protected', noteOn(point)),
      ),
    ]);
    note(result, outcome.failed, run);
    return { made: outcome.completed.filter(({ created }) => created), moving };
  } catch (error) {
    // Whose worker died with a cancelled run may end as cancelled or as timed out.
    if (policy.hooks) await thaw(request, run);
    if (isCancellation(error)) throw error;
    result.selected += units.length;
    const failures = units.map(({ resourceId }) => failedItem(resourceId, error));
    note(result, failures, run);
    return { made: [], moving: [] };
  }
}

/** The activity thaws what it froze, cancelled or not; this is for one whose worker died of it. */
async function thaw(request: ProtectRequest, run: Run): Promise<void> {
  const { length } = request.units;
  const frozen = await CancellationScope.nonCancellable(() =>
    batch(`Thaw what is left of ${length} resources`).thawGuests(request),
  );
  run.rows(frozen.map(({ item, message }) => row(item, 'failed', message)));
}

/** A point that could not be locked is there, and not as safe as the policy says. */
async function lock(
  { lock: terms, timezone }: NormalizedPolicy,
  target: Target,
  points: RecoveryPointSummary[],
): Promise<FailedItem[]> {
  if (!terms || points.length === 0) return [];
  const resourceOf = new Map(
    points.flatMap(({ resourceId, snapshotIds }) => snapshotIds.map((id) => [id, resourceId] as const)),
  );
  const snapshotIds = [...resourceOf.keys()];
  try {
    const locking = batch(`Lock ${resourceOf.size} snapshots`);
    const { failed } = await locking.lockSnapshots({ target, snapshotIds, lock: terms, timezone });
    return failed.map(({ item, type, message }) => ({ item: resourceOf.get(item) ?? item, type, message }));
  } catch (error) {
    if (isCancellation(error)) throw error;
    // The points are there, and are copied.
    return [...new Set(resourceOf.values())].map((resourceId) => failedItem(resourceId, error));
  }
}

/** The point's id, and what it does not promise. */
function noteOn(point: RecoveryPointSummary): string {
  const { recoveryPointId, consistency, crashBecause, takenAlong, droppedTags } = point;
  const crash = `, only crash-consistent${crashBecause ? `: ${crashBecause}` : ''}`;
  const along = `, with ${takenAlong?.join(', ')} all the same: EC2 leaves out no more than 40 data volumes`;
  const dropped = `, without the tags ${droppedTags?.join(', ')}: EC2 takes 50`;
  return `${recoveryPointId}${takenAlong ? along : ''}${droppedTags ? dropped : ''}${consistency === 'crash' ? crash : ''}`;
}

function note(result: BackupTargetResult, failures: FailedItem[], run: Run): void {
  result.failed = and(result.failed, failures);
  run.rows(failures.map(({ item, message }) => row(item, 'failed', message)));
}

function row(item: string, state: string, note: string): ProgressRow {
  return { item, state, note };
}
