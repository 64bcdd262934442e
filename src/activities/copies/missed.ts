import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { expiryOf } from '../../calendar/calendar';
import { destinationOf, type CopyJob } from '../../model/copies/copy';
import { groupBy } from '../../model/group';
import { readCopiesId, workflowIds, copyPlace } from '../../model/ids';
import { MADE_UP_AT_ONCE, missedSlots, type SlotCopies } from '../../model/copies/missed';
import { SEARCH_ATTRIBUTES, TAG } from '../../model/names';
import { isOpenStatus } from '../../model/openStatus';
import type { ActivityDeps } from '../support/deps';
import { heartbeat } from '../support/pace/heartbeat';
import { isOpenWorkflow } from '../support/openWorkflows';
import { ownSnapshots } from '../points/recoveryPoints';
import { slotFilters } from './slotSnapshots';
import { tagMap } from '../support/tags';

/** Slots without a job that are asked for at most, the newest first: a policy may have failed for weeks. */
const MOST_LOOKED_AT = 50;

export function missedCopyActivities({ aws, temporal, calendar }: ActivityDeps) {
  return {
    /**
     * Slots before a job's whose copies are not all there, as far as Temporal remembers: their job failed or was ended from outside, or there
     * was none, because the backup run failed or was ended before it began one. In the order in which they are to be made up for; milliseconds since the epoch.
     */
    async missedCopies({ job }: { job: CopyJob }): Promise<number[]> {
      const slots = await findSlotsWithCopies(temporal, job);
      const isThere = (slotMs: number) => hasMoreThanAge(job) || endOf(job, slotMs) > calendar.now();
      const cutOff = await findSlotsCutOff(temporal, job, new Set(slots.map((slot) => slot.slotMs)));
      const ec2 = aws.ec2(job.target, 'backup');
      for (const slotMs of await findWithPoints(ec2, job, [...cutOff].filter(isThere)))
        slots.push({ slotMs, jobs: 0, isMissed: true });
      return missedSlots(
        slots.filter(({ slotMs }) => isThere(slotMs)),
        job.slotMs,
      );
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

/** Several runs of a slot's job are counted, and the end of the last one is what counts. */
async function findSlotsWithCopies(temporal: Client, job: CopyJob): Promise<SlotCopies[]> {
  const { accountId, region } = destinationOf(job);
  const query = `WorkflowType = 'copyRecoveryPoints' AND ${about(job.policyName)} AND ${SEARCH_ATTRIBUTES.account.name} = '${accountId}' AND ${SEARCH_ATTRIBUTES.region.name} = '${region}'`;
  const runs: WorkflowExecutionInfo[] = [];
  for await (const run of temporal.workflow.list({ query })) {
    heartbeat();
    runs.push(run);
  }
  return [...groupBy(runs, ({ workflowId }) => workflowId)].flatMap(([workflowId, ofSlot]): SlotCopies[] => {
    const slotMs = readCopiesId(workflowId)?.slotMs;
    // Other targets have the same vault.
    if (slotMs === undefined || workflowId !== workflowIds.copies({ ...job, slotMs })) return [];
    const last = ofSlot.reduce((a, b) => (b.startTime >= a.startTime ? b : a));
    return [{ slotMs, jobs: ofSlot.length, isMissed: isMissed(last) }];
  });
}

function isMissed({ status: { name } }: WorkflowExecutionInfo): boolean {
  return !isOpenStatus(name) && name !== 'COMPLETED' && name !== 'CONTINUED_AS_NEW';
}

/** The newest of the slots that left points which belong in the job's place. */
async function findWithPoints(ec2: EC2Client, job: CopyJob, slots: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  const before = slots.filter((slotMs) => slotMs < job.slotMs).sort((a, b) => b - a);
  for (const slotMs of before.slice(0, MOST_LOOKED_AT)) {
    if (found.length >= MADE_UP_AT_ONCE) break;
    heartbeat();
    if (await hasPoints(ec2, job, slotMs)) found.push(slotMs);
  }
  return found;
}

async function hasPoints(ec2: EC2Client, { policyName, terms }: CopyJob, slotMs: number): Promise<boolean> {
  for await (const { Tags } of ownSnapshots(ec2, slotFilters({ policyName, slotMs })))
    if (tagMap(Tags)[TAG.copies]?.split(' ').includes(copyPlace(terms))) return true;
  return false;
}

/** Backup runs that ended before they could start copies. What still protects the target for one of them is waited for. */
async function findSlotsCutOff(
  temporal: Client,
  { policyName, target }: CopyJob,
  known: ReadonlySet<number>,
): Promise<Set<number>> {
  const query = `WorkflowType = 'runBackup' AND ${about(policyName)} AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut', 'Canceled')`;
  const slots = new Set<number>();
  for await (const { workflowId, typedSearchAttributes, startTime } of temporal.workflow.list({ query })) {
    heartbeat();
    const scheduled = typedSearchAttributes.get({ name: 'TemporalScheduledStartTime', type: 'DATETIME' });
    const slotMs = (scheduled ?? startTime).getTime();
    if (known.has(slotMs)) continue;
    if (await isOpenWorkflow(temporal, workflowIds.backupTarget(workflowId, target))) continue;
    slots.add(slotMs);
  }
  return slots;
}

function about(policyName: string): string {
  return `${SEARCH_ATTRIBUTES.policy.name} = '${policyName}'`;
}
