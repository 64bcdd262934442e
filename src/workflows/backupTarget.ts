import { CancellationScope, continueAsNew, isCancellation, log, workflowInfo } from '@temporalio/workflow';
import type { ProtectRequest } from '../activities/protection';
import {
  backupTargetInput,
  type BackupTargetInput,
  type BackupTargetRequest,
  type BackupTargetResult,
  type BackupUnit,
  type RecoveryPointSummary,
} from '../model/backup';
import type { Hold } from '../model/hold';
import { listed, MAX_LISTED, type Listed } from '../model/list';
import type { FailedItem } from '../model/outcome';
import type { ProgressRow } from '../model/progress';
import type { NormalizedPolicy } from '../model/policy';
import { targetKey, type Target } from '../model/target';
import { failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { batch, evidence, protect, read } from './support/options';

/** While the last snapshots of one page complete, the next page takes the room that they leave. */
const PAGES_AT_ONCE = 2;

/** One target of one backup run, page by page. */
export async function backupTarget(input: BackupTargetInput): Promise<BackupTargetResult> {
  return operation(backupTargetInput, input, async (request, run) => {
    const { policy, target } = request;
    run.about({ policy: policy.policyName, target });
    run.phase('Protecting');
    const result = request.soFar ?? nothingYet();
    const holds = await read('Look for legal holds').openHolds({ policy });
    const pages = new Set<Promise<void>>();
    let cursor = request.cursor;
    do {
      const page = await read(`List resources of ${targetKey(target)}`).listUnits({
        target,
        selector: policy.selector,
        cursor,
      });
      cursor = page.cursor;
      if (page.units.length > 0) {
        const protecting = protectPage({ ...request, holds }, page.units, result, run).finally(() =>
          pages.delete(protecting),
        );
        pages.add(protecting);
      }
      if (pages.size >= PAGES_AT_ONCE) await Promise.race(pages);
      if (workflowInfo().continueAsNewSuggested && cursor !== undefined) {
        await Promise.all(pages);
        await continueAsNew<typeof backupTarget>({ ...request, cursor, soFar: result });
      }
    } while (cursor !== undefined);
    await Promise.all(pages);
    await tellAlarms(policy.policyName, target, result);
    return settle(result, { what: 'resources', succeeded: result.protected, failed: result.failed.total });
  });
}

/** An alarm for the absence of this is all that speaks when no run ever comes. It must not hold up a run. */
async function tellAlarms(policyName: string, target: Target, result: BackupTargetResult): Promise<void> {
  try {
    const { protected: good, failed } = result;
    await evidence('Tell the alarms').recordHeartbeat({
      policyName,
      target,
      protected: good,
      failed: failed.total,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the alarms could not be told', { error });
  }
}

function nothingYet(): BackupTargetResult {
  return {
    selected: 0,
    protected: 0,
    created: 0,
    volumes: 0,
    recoveryPoints: listed([]),
    failed: listed([]),
  };
}

/** Throws only when cancelled: what stops a page is a failure of its resources, and the other pages go on. */
async function protectPage(
  { policy, target, slotMs, begunMs, holds }: BackupTargetRequest & { holds: Hold[] },
  units: BackupUnit[],
  result: BackupTargetResult,
  run: Run,
): Promise<void> {
  run.rows(
    units.map(({ resourceId, volumeIds }) => row(resourceId, 'protecting', `${volumeIds.length} volumes`)),
  );
  const { workflowId, firstExecutionRunId: runId } = workflowInfo();
  const dueMs = Math.max(slotMs, begunMs) + policy.rpoMs - policy.frequencyMs;
  const request = { policy, target, slotMs, workflowId, runId, units, holds, dueMs };
  try {
    const outcome = await protect(`Protect ${units.length} resources`).protectUnits(request);
    outcome.failed.push(...(await lock(policy, target, outcome.completed)));
    result.selected += units.length - outcome.leftOut.length;
    const failed = new Set(outcome.failed.map(({ item }) => item));
    for (const point of outcome.completed) {
      if (!failed.has(point.resourceId)) result.protected += 1;
      result.volumes += point.snapshotIds.length;
      if (point.created) result.created += 1;
      result.recoveryPoints = and(result.recoveryPoints, point);
    }
    run.rows([
      ...outcome.leftOut.map((resourceId) => row(resourceId, 'left out', 'the policy excludes its volumes')),
      ...outcome.completed.map((point) =>
        row(point.resourceId, point.created ? 'protected' : 'was protected', noteOn(point)),
      ),
    ]);
    note(result, outcome.failed, run);
  } catch (error) {
    if (isCancellation(error)) {
      if (policy.hooks) await thaw(request, run);
      throw error;
    }
    result.selected += units.length;
    const failures = units.map(({ resourceId }) => failedItem(resourceId, error));
    note(result, failures, run);
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
  const { failed } = await batch(`Lock ${resourceOf.size} snapshots`).lockSnapshots({
    target,
    snapshotIds: [...resourceOf.keys()],
    lock: terms,
    timezone,
  });
  return failed.map(({ item, type, message }) => ({ item: resourceOf.get(item) ?? item, type, message }));
}

/** The point's id, and what it does not promise. */
function noteOn({ recoveryPointId, consistency, crashBecause }: RecoveryPointSummary): string {
  if (consistency !== 'crash') return recoveryPointId;
  return `${recoveryPointId}, only crash-consistent${crashBecause ? `: ${crashBecause}` : ''}`;
}

function note(result: BackupTargetResult, failures: FailedItem[], run: Run): void {
  for (const failure of failures) result.failed = and(result.failed, failure);
  run.rows(failures.map(({ item, message }) => row(item, 'failed', message)));
}

function row(item: string, state: string, note: string): ProgressRow {
  return { item, state, note };
}

function and<Item>({ items, total }: Listed<Item>, item: Item): Listed<Item> {
  return listed(items.length < MAX_LISTED ? [...items, item] : items, total + 1);
}
