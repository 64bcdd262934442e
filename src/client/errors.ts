import {
  isGrpcDeadlineError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
} from '@temporalio/common';
import { FAILURE } from '../model/failures';
import { TASK_QUEUE } from '../model/names';

/**
 * An operation that ended without everything that was asked for. `type` is one of `FAILURE` (src/model/failures.ts),
 * or `Cancelled`, `Terminated`, `TimedOut`.
 */
export class OperationFailed<Result = unknown> extends Error {
  override readonly name = 'OperationFailed';

  constructor(
    message: string,
    readonly type: string,
    readonly workflowId: string,
    /** What did happen: the operation's result, for `PartialFailure` and `AllFailed`. */
    readonly result: Result | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An input that the operation would refuse: no workflow was started. `workflowId` is the id that it would have had. */
export class InputRefused extends OperationFailed {
  constructor(message: string, workflowId: string) {
    super(message, FAILURE.invalidInput, workflowId, undefined);
  }
}

/** The id belongs to a workflow that runs already. */
export class AlreadyStarted extends Error {
  override readonly name = 'AlreadyStarted';

  constructor(workflowId: string, options?: ErrorOptions) {
    const message = `a workflow with the id ${workflowId} runs already, and nothing was started; look at it with: holdfast progress ${workflowId}`;
    super(message, options);
  }
}

/** Queries and messages are answered by a worker, and none did in time. A message may still arrive, once there is one. */
export class NoWorkerAnswered extends Error {
  override readonly name = 'NoWorkerAnswered';

  constructor(workflowId: string, options?: ErrorOptions) {
    const message = `no worker answered for ${workflowId} in time; one has to run on the task queue ${TASK_QUEUE} (npm run worker), then ask again`;
    super(message, options);
  }
}

/** There is no such run, or it has ended: nobody answers for it. */
export class OperationNotFound extends Error {
  override readonly name = 'OperationNotFound';

  constructor(workflowId: string, options: { cause: Error }) {
    const hasEnded = options.cause.message.includes('already completed');
    super(
      hasEnded
        ? `workflow ${workflowId} has ended, and takes no more messages; its result: temporal workflow result --workflow-id ${workflowId}`
        : `there is no workflow ${workflowId} in this namespace; find its id with: temporal workflow list`,
      options,
    );
  }
}

/** What it means that a workflow did not take a query or a message. */
export function unanswered(error: unknown, workflowId: string): Error {
  if (error instanceof WorkflowNotFoundError) return new OperationNotFound(workflowId, { cause: error });
  const timedOut = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error);
  return timedOut ? new NoWorkerAnswered(workflowId, { cause: error }) : operationFailed(error, workflowId);
}

const WITH_RESULT: readonly string[] = [FAILURE.partialFailure, FAILURE.allFailed];

/** Temporal's wrappers off: what the workflow, or the handler of an update, really said. */
export function operationFailed<Result>(error: unknown, workflowId: string): Error {
  if (!(error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const cause = rootCause(error.cause);
  const failed = (type: string, message: string, result?: Result) =>
    new OperationFailed<Result>(message, type, workflowId, result, { cause: error });
  if (cause instanceof ApplicationFailure) {
    const type = cause.type ?? FAILURE.serviceError;
    const result = WITH_RESULT.includes(type) ? (cause.details?.[0] as Result) : undefined;
    return failed(type, cause.message, result);
  }
  if (cause instanceof CancelledFailure) return failed('Cancelled', 'the operation was cancelled');
  return failed(cause?.name.replace(/Failure$/, '') ?? 'Failed', cause?.message ?? error.message);
}

function rootCause(error: Error | undefined): Error | undefined {
  let current = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause) {
    current = current.cause;
  }
  return current;
}
