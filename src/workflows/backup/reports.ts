import { CancellationScope, CancelledFailure, isCancellation, log } from '@temporalio/workflow';
import type { BackupTargetRequest, BackupTargetResult, RecoveryPointSummary } from '../../model/backup/run';
import { noSizes, type Sizes } from '../../model/backup/sizes';
import { reasonOf } from '../support/failure';
import type { Run } from '../support/operation';
import { batch, evidence, read } from '../support/options';

/** A report on the past; the present is more urgent. */
const LOOK_BACK = { scheduleToCloseTimeout: '2 minutes' } as const;
/** No run stays open for a number that nobody waits for. */
const MEASURE = { scheduleToCloseTimeout: '15 minutes' } as const;

/** An alarm for the absence of this is all that speaks when no run ever comes. It must not hold up a run. */
export async function tellAlarms(
  { policy: { policyName }, target, begunBy }: BackupTargetRequest,
  result: BackupTargetResult,
  run: Run,
): Promise<void> {
  const heartbeat = { policyName, target, protected: result.protected, failed: result.failed.total };
  if (begunBy) {
    // No call follows that a cancel of the run would end.
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('the run was cancelled');
    run.alarms = heartbeat;
    return;
  }
  try {
    await evidence('Tell the alarms').recordHeartbeat(heartbeat);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the alarms could not be told', { error });
  }
}

/** How old the newest good point is of what failed: what a person asks first. It must not hold up a run. */
export async function sayLastPoints(
  { policy, target, slotMs }: BackupTargetRequest,
  { failed }: BackupTargetResult,
  run: Run,
): Promise<void> {
  const resourceIds = failed.items.map(({ item }) => item);
  const look = read('When what failed was protected last', LOOK_BACK);
  try {
    const last = await look.lastPoints({ policy, target, slotMs, resourceIds });
    for (const failure of failed.items) {
      const lastPoint = last[failure.item];
      if (lastPoint) failure.lastPoint = lastPoint;
      const age = lastPoint
        ? `the last good point is of ${lastPoint}`
        : 'none of the last ten slots has a good point';
      run.row(failure.item, 'failed', `${age}; ${failure.message}`);
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the last good points could not be looked up', { error });
  }
}

/** A report on what is done; the next page does not wait for it, and it fails nothing. */
export async function measure(
  { policy, target, slotMs }: BackupTargetRequest,
  points: RecoveryPointSummary[],
): Promise<Sizes> {
  try {
    return await batch(`Measure ${points.length} points`, MEASURE).measureChanges({
      policy,
      target,
      slotMs,
      points,
    });
  } catch (error) {
    // Nobody awaits it until the end: it must not reject, not even when cancelled.
    log.warn('what has changed could not be measured', { error });
    return { ...noSizes(), notCompared: reasonOf(error) };
  }
}
