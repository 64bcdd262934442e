import { continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import {
  backupTargetInput,
  type BackupTargetInput,
  type BackupTargetRequest,
  type BackupTargetResult,
  type BackupUnit,
} from '../model/backup';
import { listed, type Listed } from '../model/list';
import type { FailedItem } from '../model/outcome';
import { targetKey } from '../model/target';
import { failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { batch, read, wait } from './support/options';

/**
 * One target of one backup run, page by page: snapshot sets are started for a page of resources, and while their
 * snapshots complete the next page is started.
 */
export async function backupTarget(input: BackupTargetInput): Promise<BackupTargetResult> {
  return operation(backupTargetInput, input, async (request, run) => {
    const { policy, target, slotMs } = request;
    run.about({ policy: policy.policyName, target });
    run.phase('Protecting');
    const result = request.soFar ?? nothingYet();
    const pages: Promise<void>[] = [];
    let cursor = request.cursor;
    do {
      const page = await read(`List resources of ${targetKey(target)}`).listUnits({
        target,
        selector: policy.selector,
        cursor,
      });
      cursor = page.cursor;
      if (page.units.length > 0) pages.push(protectPage(request, page.units, result, run));
      if (workflowInfo().continueAsNewSuggested && cursor !== undefined) {
        await Promise.all(pages);
        await continueAsNew<typeof backupTarget>({ policy, target, slotMs, cursor, soFar: result });
      }
    } while (cursor !== undefined);
    run.phase('Waiting for snapshots');
    await Promise.all(pages);
    return settle(result, { what: 'resources', succeeded: result.protected, failed: result.failed.total });
  });
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
  { policy, target, slotMs }: BackupTargetRequest,
  units: BackupUnit[],
  result: BackupTargetResult,
  run: Run,
): Promise<void> {
  result.selected += units.length;
  for (const { resourceId, volumeIds } of units)
    run.row(resourceId, 'starting', `${volumeIds.length} volumes`);
  try {
    const { workflowId, firstExecutionRunId: runId } = workflowInfo();
    const sets = await batch(`Snapshot ${units.length} resources`).createSnapshotSets({
      policy,
      target,
      slotMs,
      workflowId,
      runId,
      units,
    });
    note(result, sets.failed, run);
    for (const { resourceId } of sets.started) run.row(resourceId, 'pending');
    if (sets.started.length === 0) return;
    const done = await wait(`Wait for ${sets.started.length} snapshot sets`).awaitSnapshotSets({
      target,
      sets: sets.started,
    });
    note(result, done.failed, run);
    for (const point of done.completed) {
      result.protected += 1;
      result.volumes += point.snapshotIds.length;
      if (point.created) result.created += 1;
      result.recoveryPoints = and(result.recoveryPoints, point);
      run.row(point.resourceId, point.created ? 'protected' : 'was protected', point.recoveryPointId);
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    note(
      result,
      units.map(({ resourceId }) => failedItem(resourceId, error)),
      run,
    );
  }
}

function note(result: BackupTargetResult, failures: FailedItem[], run: Run): void {
  for (const failure of failures) {
    result.failed = and(result.failed, failure);
    run.row(failure.item, 'failed', failure.message);
  }
}

function and<Item>({ items, total }: Listed<Item>, item: Item): Listed<Item> {
  return listed([...items, item], total + 1);
}
