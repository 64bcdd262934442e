import {
  continueAsNew,
  workflowInfo,
  type ActivityOptions,
  type WorkflowInterceptors,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';

/**
 * Upper bounds in milliseconds that a test puts on a run and its children, under this memo key:
 * `startToClose`, `scheduleToClose` and `heartbeat` of every activity, and `timer` for every timer.
 */
export const TEST_LIMITS = 'testLimits';

/** Memo of a run that hands all that it was started with over to the run that continues it, before anything else. */
export const TEST_CONTINUES = 'testContinues';

export interface TestLimits {
  startToClose?: number;
  scheduleToClose?: number;
  heartbeat?: number;
  timer?: number;
}

/** Bundled with the workflows under test, so that no workflow has to know that it is tested. */
export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => {
  // The memo is not there yet when the SDK calls this factory.
  const given = () => workflowInfo().memo?.[TEST_LIMITS] as TestLimits | undefined;
  return {
    inbound: [
      {
        execute(input, next) {
          const { memo, continuedFromExecutionRunId } = workflowInfo();
          return memo?.[TEST_CONTINUES] && !continuedFromExecutionRunId
            ? continueAsNew(...input.args)
            : next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next({ ...input, options: shorten(input.options, given() ?? {}) }),
        startTimer: (input, next) =>
          next({ ...input, durationMs: Math.min(input.durationMs, given()?.timer ?? Infinity) }),
        startChildWorkflowExecution: (input, next) => {
          const limits = given();
          const inherited = limits && { [TEST_LIMITS]: limits };
          return next({
            ...input,
            options: { ...input.options, memo: { ...input.options.memo, ...inherited } },
          });
        },
      },
    ],
  };
};

/** Retries come at once in every test: what is retried is AWS's or the network's doing, and both are next door. */
function shorten(options: ActivityOptions, limits: TestLimits): ActivityOptions {
  return {
    ...options,
    retry: { ...options.retry, initialInterval: 50, maximumInterval: 500 },
    ...capped(options, 'startToCloseTimeout', limits.startToClose),
    ...capped(options, 'scheduleToCloseTimeout', limits.scheduleToClose),
    ...capped(options, 'heartbeatTimeout', limits.heartbeat),
  };
}

type Timeout = 'startToCloseTimeout' | 'scheduleToCloseTimeout' | 'heartbeatTimeout';

function capped(options: ActivityOptions, name: Timeout, limit: number | undefined): ActivityOptions {
  const given = options[name];
  if (given === undefined || limit === undefined) return {};
  return { [name]: typeof given === 'number' ? Math.min(given, limit) : limit };
}
