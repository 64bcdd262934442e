import { isCancellation } from '@temporalio/workflow';
import type { PassedSlots } from '../../activities/backup/slots';
import type { CutOffRun } from '../../model/backup/run';
import { listed } from '../../model/list';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { reasonOf } from '../support/failure';
import { tellPeople } from '../support/notices';
import type { Run } from '../support/operation';
import { read } from '../support/options';

/** A report on the past; the present is more urgent. */
const LOOK_BACK = { scheduleToCloseTimeout: '1 minute' } as const;

/**
 * Slots before this one that were let pass, and a run that was ended from outside: nobody else would say so. What cannot be asked
 * must not hold up a run.
 */
export async function findPassedSlots(
  { policyName }: NormalizedPolicy,
  slotMs: number,
  run: Run,
): Promise<PassedSlots> {
  let missed: PassedSlots;
  try {
    missed = await read('Look for missed slots', LOOK_BACK).missedSlots({ policyName, slotMs });
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.remark(`Whether slots were missed could not be found out: ${reasonOf(error)}`);
    return listed([]);
  }
  if (missed.cutOff) await tellOfCutOff(policyName, missed.cutOff, run);
  if (missed.total === 0) return missed;
  const summary = `${policyName}: ${missed.total} slots before this one had no run, the first ${missed.items[0]}: the Schedule was paused, or Temporal was away`;
  run.remark(summary);
  await tellPeople({ kind: 'MissedSlots', summary, policyName });
  return missed;
}

async function tellOfCutOff(policyName: string, { workflowId, status }: CutOffRun, run: Run): Promise<void> {
  const how = status === 'TERMINATED' ? 'was terminated' : 'ran out of its time';
  const summary = `${policyName}: the run before this one, ${workflowId}, ${how}, and told nobody; what it had not done by then is not done`;
  run.remark(summary);
  await tellPeople({ kind: 'Failed', summary, policyName, outcome: status });
}
