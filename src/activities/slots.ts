import { ScheduleNotFoundError } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time';
import { scheduleIds } from '../model/ids';
import { listed, type Listed } from '../model/list';
import type { ActivityDeps } from './deps';

/** More than a policy of 15 minutes has in a week. */
const MOST_SLOTS = 1000;

export function slotActivities({ temporal }: ActivityDeps) {
  return {
    /**
     * The slots between the run before this one and this one that no run was started for: the Schedule was paused, or
     * the server was away for longer than the catch-up window. ISO 8601 in UTC.
     */
    async missedSlots({
      policyName,
      slotMs,
    }: {
      policyName: string;
      slotMs: number;
    }): Promise<Listed<string>> {
      const scheduleId = scheduleIds.policy(policyName);
      try {
        const { info } = await temporal.schedule.getHandle(scheduleId).describe();
        const earlier = info.recentActions
          .map(({ scheduledAt }) => scheduledAt.getTime())
          .filter((at) => at < slotMs);
        const since = Math.max(...earlier, -Infinity);
        if (since === -Infinity) return listed([]);
        const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
          namespace: temporal.options.namespace,
          scheduleId,
          startTime: msToTs(since + 1),
          endTime: msToTs(slotMs - 1),
        });
        const slots = (startTime ?? []).slice(0, MOST_SLOTS).map((at) => optionalTsToMs(at) ?? 0);
        const missed = slots.filter((at) => at > since && at < slotMs);
        return listed(missed.map((at) => new Date(at).toISOString()));
      } catch (error) {
        // A run by its policy alone, whose Schedule is gone.
        if (error instanceof ScheduleNotFoundError) return listed([]);
        throw error;
      }
    },
  };
}
