import { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';

/** Waits for a workflow to fail and returns the failure that says why, out of Temporal's wrappers. */
export async function failureOf(result: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await result.then(
    (value) => {
      throw new Error(`expected a failure, but the result is ${JSON.stringify(value)}`);
    },
    (reason: unknown) => reason,
  );
  const cause = unwrapped(error);
  if (cause instanceof ApplicationFailure) return cause;
  throw cause;
}

/** A failed run that no test expected should say why: adds cause and details to the error's message. */
export function explained(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  const cause = unwrapped(error);
  const details = cause instanceof ApplicationFailure ? JSON.stringify(cause.details, null, 1) : '';
  error.message += `: ${String(cause)} ${details}`;
  return error;
}

function unwrapped(error: unknown): unknown {
  let cause: unknown = error instanceof WorkflowFailedError ? error.cause : error;
  while (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) cause = cause.cause;
  return cause;
}

/** The details of a failed run: by the contract, its result. */
export async function failedResult<Result>(result: Promise<unknown>, type: string): Promise<Result> {
  const failure = await failureOf(result);
  expect(failure.type).toBe(type);
  return failure.details?.[0] as Result;
}

/** Waits for a workflow to fail with this type; returns its message. */
export async function expectFailure(result: Promise<unknown>, type: string): Promise<string> {
  const failure = await failureOf(result);
  expect({ type: failure.type, message: failure.message }).toEqual({
    type,
    message: expect.any(String) as string,
  });
  return failure.message;
}
