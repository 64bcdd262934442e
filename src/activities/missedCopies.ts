import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { expiryOf } from '../calendar/calendar';
import { destinationOf, type CopyJob } from '../model/copy';
import { readCopiesId, workflowIds } from '../model/ids';
import { missedSlots, type SlotCopies } from '../model/missedCopies';
import { SEARCH_ATTRIBUTES } from '../model/names';
import type { ActivityDeps } from './deps';
import { heartbeat } from './heartbeat';
import { isOpenWorkflow } from './openWorkflows';

export function missedCopyActivities({ temporal, clock }: ActivityDeps) {
  return {
    /**
     * Slots before a job's whose copies are not all there, as far as Temporal remembers: their job failed or was ended from outside, or there
     * was none, because the backup run was ended. In the order in which they are to be made up for; milliseconds since the epoch.
     */
    async missedCopies({ job }: { job: CopyJob }): Promise<number[]> {
      const slots = await slotsWithCopies(temporal, job);
      for (const slotMs of await slotsCutOff(temporal, job))
        if (!slots.has(slotMs)) slots.set(slotMs, { slotMs, jobs: 0, lastStartedMs: 0, isMissed: true });
      const isThere = ({ slotMs }: SlotCopies) => hasMoreThanAge(job) || endOf(job, slotMs) > clock.now();
      return missedSlots([...slots.values()].filter(isThere), job.slotMs);
    },
  };
}

/** What calendar periods or a count keep is not a matter of age alone. */
function hasMoreThanAge({ terms: { retention } }: CopyJob): boolean {
  return Object.keys(retention).some((term) => term !== 'keep');
}

/** When a copy of that slot would be expired again. */
function endOf({ terms, timezone }: CopyJob, slotMs: number): number {
  return expiryOf(slotMs, terms.retention.keep, timezone) ?? Infinity;
}

/** By slot; several runs of a job are counted, and the last one's end is what counts. */
async function slotsWithCopies(temporal: Client, job: CopyJob): Promise<Map<number, SlotCopies>> {
  const { accountId, region } = destinationOf(job);
  const slots = new Map<number, SlotCopies>();
  const query = `WorkflowType = 'copyRecoveryPoints' AND ${about(job.policyName)} AND ${SEARCH_ATTRIBUTES.account.name} = '${accountId}' AND ${SEARCH_ATTRIBUTES.region.name} = '${region}'`;
  for await (const run of temporal.workflow.list({ query })) {
    heartbeat();
    const slotMs = readCopiesId(run.workflowId)?.slotMs;
    // Other targets have the same vault.
    if (slotMs === undefined || run.workflowId !== workflowIds.copies({ ...job, slotMs })) continue;
    const before = slots.get(slotMs) ?? { slotMs, jobs: 0, lastStartedMs: 0, isMissed: false };
    const lastStartedMs = run.startTime.getTime();
    const isLast = lastStartedMs >= before.lastStartedMs;
    slots.set(slotMs, {
      slotMs,
      jobs: before.jobs + 1,
      lastStartedMs: Math.max(lastStartedMs, before.lastStartedMs),
      isMissed: isLast ? isMissed(run) : before.isMissed,
    });
  }
  return slots;
}

function isMissed({ status }: WorkflowExecutionInfo): boolean {
  return !['COMPLETED', 'RUNNING', 'CONTINUED_AS_NEW', 'PAUSED'].includes(status.name);
}

/** Backup runs that ended before they could start copies. What still protects the target for one of them is waited for. */
async function slotsCutOff(temporal: Client, { policyName, target }: CopyJob): Promise<number[]> {
  const query = `WorkflowType = 'runBackup' AND ${about(policyName)} AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Canceled')`;
  const slots: number[] = [];
  for await (const { workflowId, typedSearchAttributes, startTime } of temporal.workflow.list({ query })) {
    heartbeat();
    if (await isOpenWorkflow(temporal, workflowIds.backupTarget(workflowId, target))) continue;
    const scheduled = typedSearchAttributes.get({ name: 'TemporalScheduledStartTime', type: 'DATETIME' });
    slots.push((scheduled ?? startTime).getTime());
  }
  return slots;
}

function about(policyName: string): string {
  return `${SEARCH_ATTRIBUTES.policy.name} = '${policyName}'`;
}
