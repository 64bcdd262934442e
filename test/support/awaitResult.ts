import type { WorkflowHandle } from '@temporalio/client';
import { explained } from './failure';

/** Below jest's limit for a test, so that the test can say what the run was waiting for. */
const PATIENCE_MS = 100_000;

/** The result of a run; a run that fails or hangs says why: its cause and details, or its pending activities. */
export async function awaitResult<Result>(handle: WorkflowHandle, patienceMs = PATIENCE_MS): Promise<Result> {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    return (await handle.client.connection.withAbortSignal(patience, () => handle.result())) as Result;
  } catch (error) {
    if (!patience.aborted) throw explained(error);
    const what = await pending(handle);
    await handle.terminate('the test gave up');
    throw new Error(`${handle.workflowId} still ran; it waited for ${what}`);
  }
}

async function pending(handle: WorkflowHandle): Promise<string> {
  const { raw } = await handle.describe();
  const activities = (raw.pendingActivities ?? []).map(
    ({ activityType, attempt, lastFailure }) =>
      `${activityType?.name} (attempt ${attempt}): ${lastFailure?.message ?? 'no failure yet'}`,
  );
  const children = await Promise.all(
    (raw.pendingChildren ?? []).map(async ({ workflowId }) => {
      const child = handle.client.getHandle(workflowId ?? '');
      return `child ${workflowId}, which waited for ${await pending(child)}`;
    }),
  );
  const task = raw.pendingWorkflowTask?.attempt
    ? [`workflow task, attempt ${raw.pendingWorkflowTask.attempt}`]
    : [];
  return [...activities, ...children, ...task].join('; ') || 'a timer, a message or nothing at all';
}
