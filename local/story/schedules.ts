import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationResult } from '../../src/client';
import { scheduleIds } from '../../src/model/ids';
import { Problem } from '../stack/problem';
import type { StoryContext } from './context';

const STARTS_WITHIN_MS = 30_000;

/** Has a policy's Schedule take its action now, as its Web UI page would; resolves with the run's workflow id. */
export async function trigger({ holdfast }: StoryContext, policyName: string): Promise<string> {
  const schedule = holdfast.temporal.schedule.getHandle(scheduleIds.policy(policyName));
  const before = await actionsOf(schedule);
  await schedule.trigger();
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    const started = (await actionsOf(schedule)).find((id) => !before.includes(id));
    if (started) return started;
    if (Date.now() > deadline) throw new Problem(`the Schedule of policy ${policyName} did not start a run`);
    await sleep(100);
  }
}

/** @throws OperationFailed when the run did not protect everything */
export async function resultOfRun(
  { holdfast }: StoryContext,
  workflowId: string,
): Promise<OperationResult<'runBackup'>> {
  return holdfast.operation<OperationResult<'runBackup'>>(workflowId).result();
}

interface Describable {
  describe(): Promise<{ info: { recentActions: { action: { workflow: { workflowId: string } } }[] } }>;
}

async function actionsOf(schedule: Describable): Promise<string[]> {
  const { info } = await schedule.describe();
  return info.recentActions.map(({ action }) => action.workflow.workflowId);
}
