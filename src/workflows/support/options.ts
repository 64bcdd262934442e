import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import { WAITS_TASK_QUEUE } from '../../model/names';
import type { Activities } from '../../activities';

/**
 * The ways in which workflows call activities. Each takes the summary that the Web UI shows beside the call:
 *
 *     await mutate(`Stop ${instanceId}`).stopInstance({ … });
 *
 * Retries are not bounded unless a profile says why: AWS comes back, and a person can cancel.
 */
type Profile = (summary: string, more?: ActivityOptions) => Activities;

const RETRY = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' } as const;

function profile(base: ActivityOptions): Profile {
  return (summary, more = {}) => proxyActivities<Activities>({ retry: RETRY, ...base, summary, ...more });
}

/** Looks, changes nothing. */
export const read = profile({ startToCloseTimeout: '30 seconds' });

/** Looks at all that there is of something, in as many calls as that takes, each of which is a sign of life. */
export const readMany = profile({ startToCloseTimeout: '15 minutes', heartbeatTimeout: '30 seconds' });

/**
 * Reads back what was just changed, until it shows. Bounded: KMS promises five minutes, EC2 far less; what does not
 * show in ten did not happen.
 */
export const verify = profile({ startToCloseTimeout: '30 seconds', scheduleToCloseTimeout: '10 minutes' });

/**
 * Changes something with one or few quick calls. A cancelled workflow waits for the call to finish, so that an undo
 * never races it. The AWS clients' own timeouts end a call well before startToCloseTimeout (src/aws/sessions.ts): an
 * attempt is over before its retry begins.
 */
export const mutate = profile({
  startToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Many calls in one activity that heartbeats its cursor and resumes there; looks up before it creates. */
export const batch = profile({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Waits for AWS to finish something; on the queue for waits, heartbeating, for as long as it takes. */
export const wait = profile({
  taskQueue: WAITS_TASK_QUEUE,
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '30 seconds',
});

/**
 * Starts things and sees them completed, because AWS takes only so many at a time; finds again what it started. On the
 * queue for waits, because most of it is waiting; a cancelled workflow waits for the call under way.
 */
export const protect = profile({
  taskQueue: WAITS_TASK_QUEUE,
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/**
 * Puts something back. Bounded to ten minutes a step: after that a person is told what to do, which helps more than
 * a silent retry.
 */
export const undo = profile({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '10 minutes',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  priority: { priorityKey: 1 },
});

/** Proof is part of the work, but a sink that stays broken for an hour must not keep a finished run open. */
export const evidence = profile({ startToCloseTimeout: '30 seconds', scheduleToCloseTimeout: '1 hour' });
