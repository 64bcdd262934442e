import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time';
import { scheduleIds } from '../../model/ids';
import { listed, type Listed } from '../../model/list';
import type { CutOffRun } from '../../model/backup/run';
import type { ActivityDeps } from '../support/deps';
import { readWorkflowStatus } from '../support/openWorkflows';

/** What became of the slots before this one. */
export interface PassedSlots extends Listed<string> {
  /** The run before this one, where it was terminated or timed out. */
  cutOff?: CutOffRun;
}

interface MissedSlotsRequest {
  policyName: string;
  /** Milliseconds since the epoch. */
  slotMs: number;
}

/** More than a policy of 15 minutes has in a week. */
const MOST_SLOTS = 1000;

export function slotActivities({ temporal }: ActivityDeps) {
  return {
    /**
     * The slots between the run before this one and this one that no run was started for: the Schedule was paused, or
     * the server was away for longer than the catch-up window. ISO 8601 in UTC. And whether that run was ended from outside: it ran no code
     * of its own after that, which could have told anybody.
     */
    async missedSlots({ policyName, slotMs }: MissedSlotsRequest): Promise<PassedSlots> {
      const scheduleId = scheduleIds.policy(policyName);
      try {
        const { info } = await temporal.schedule.getHandle(scheduleId).describe();
        const [before] = info.recentActions
          .filter(({ scheduledAt }) => scheduledAt.getTime() < slotMs)
          .sort((a, b) => b.scheduledAt.getTime() - a.scheduledAt.getTime());
        if (!before) return listed([]);
        const since = before.scheduledAt.getTime();
        const cutOff = await findEndedFromOutside(temporal, before.action.workflow.workflowId);
        const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
          namespace: temporal.options.namespace,
          scheduleId,
          startTime: msToTs(since + 1),
          endTime: msToTs(slotMs - 1),
        });
        const slots = (startTime ?? []).slice(0, MOST_SLOTS).map((at) => optionalTsToMs(at) ?? 0);
        const missed = slots.filter((at) => at > since && at < slotMs);
        return { ...listed(missed.map((at) => new Date(at).toISOString())), cutOff };
      } catch (error) {
        // A run by its policy alone, whose Schedule is gone.
        if (error instanceof ScheduleNotFoundError) return listed([]);
        throw error;
      }
    },
  };
}

async function findEndedFromOutside(temporal: Client, workflowId: string): Promise<CutOffRun | undefined> {
  const status = await readWorkflowStatus(temporal, workflowId);
  return status === 'TERMINATED' || status === 'TIMED_OUT' ? { workflowId, status } : undefined;
}
