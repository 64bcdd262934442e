import { isCancellation, TimeoutFailure } from '@temporalio/workflow';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { checkName, checkTimeoutMs, type HealthCheck } from '../../model/machines/healthChecks';
import { fail, reasonOf, rootCause } from '../support/failure';
import { wait } from '../support/options';
import type { MachineInHand } from './inHand';
import { URGENT, type Downtime } from './downtime';

/** A machine whose system does not answer after so long is rolled back. */
const HEALTH_GATE = '15 minutes';
/** For the last answer of a check, and to end a command that overruns. */
const GRACE_MS = 30_000;

type Starting = MachineInHand & { downtime: Downtime };

export async function passStatusChecks({ plan: { target, instanceId } }: MachineInHand): Promise<void> {
  try {
    await wait(`Status checks of ${instanceId}`, {
      ...URGENT,
      scheduleToCloseTimeout: HEALTH_GATE,
    }).awaitHealthy({ target, instanceId });
  } catch (error) {
    throw timedOut(error, `${instanceId} did not pass its status checks within ${HEALTH_GATE}`);
  }
}

export async function passHealthChecks(migration: Starting, checks: readonly HealthCheck[]): Promise<void> {
  await Promise.all(checks.map((check, index) => passHealthCheck(migration, check, index + 1)));
}

/** Tried again for as long as its own timeout and what is left of `maxDowntime` both allow. */
async function passHealthCheck(migration: Starting, check: HealthCheck, number: number): Promise<void> {
  const { plan, id, run, downtime } = migration;
  const { target, instanceId } = plan;
  const name = checkName(check);
  const row = `health check ${number}`;
  const { timeoutMs, within } = limitOf(check, downtime);
  run.row(row, 'checking', name);
  try {
    const said = await wait(`Health check ${number} of ${instanceId}: ${name}`, {
      ...URGENT,
      scheduleToCloseTimeout: timeoutMs + GRACE_MS,
    }).awaitHealthCheck({ target, instanceId, migrationId: id, check, number, timeoutMs, within });
    run.row(row, 'passed', `${name}: ${said}`);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = timedOut(error, `${instanceId}: health check "${name}" had no answer within ${within}`);
    run.row(row, 'failed', reasonOf(failure));
    throw failure;
  }
}

/** Whichever ends first, and what people know it by. */
function limitOf(check: HealthCheck, { leftMs }: Downtime): { timeoutMs: number; within: string } {
  const timeoutMs = checkTimeoutMs(check);
  if (timeoutMs <= leftMs) return { timeoutMs, within: formatDuration(timeoutMs) };
  return { timeoutMs: leftMs, within: `the ${formatDuration(leftMs)} that were left of maxDowntime` };
}

function timedOut(error: unknown, why: string): unknown {
  return rootCause(error) instanceof TimeoutFailure ? fail(FAILURE.healthCheckFailed, why) : error;
}
