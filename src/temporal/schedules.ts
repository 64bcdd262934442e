import type { Client, ScheduleDescription } from '@temporalio/client';
import { readPolicyId } from '../model/ids';
import { policyInArguments, type NormalizedPolicy } from '../model/policies/policy';

/**
 * The ids of all Schedules, which the server keeps in plain text. The client's own list decodes the memo of each: one that it cannot
 * decode, because its key is gone or somebody else wrote it, would hide all the others.
 */
export async function* listScheduleIds({
  workflowService,
  options: { namespace },
}: Pick<Client, 'workflowService' | 'options'>): AsyncGenerator<string> {
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await workflowService.listSchedules({ namespace, nextPageToken });
    for (const { scheduleId } of page.schedules ?? []) if (scheduleId) yield scheduleId;
    nextPageToken = page.nextPageToken ?? undefined;
  } while (nextPageToken && nextPageToken.length > 0);
}

/** The policy that a Schedule carries as its action's one argument; undefined where it carries none of its name that can be read. */
export function policyOf({
  scheduleId,
  action,
}: Pick<ScheduleDescription, 'scheduleId' | 'action'>): NormalizedPolicy | undefined {
  const policyName = readPolicyId(scheduleId);
  if (action.type !== 'startWorkflow' || policyName === undefined) return undefined;
  return policyInArguments(policyName, action.args ?? []);
}
