import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { isBig, whyNoBackfill } from '../model/policies/backfill';
import { readPolicyId, scheduleIds } from '../model/ids';
import { formatSchedule } from '../model/policies/policy';
import { formatRetention } from '../model/points/retentionTerms';
import { targetKey } from '../model/target';
import { listScheduleIds, policyOf } from '../temporal/schedules';
import type { Holdfast } from './operations';
import { findLastRun, trigger, type TriggeredRun } from './policyRuns';

/** A run that began so much later than its slot says so. */
const LATE_MS = 60_000;

export interface PolicyState {
  policyName: string;
  every: string;
  retention: string;
  targets: string[];
  /** Regions that points are copied to. */
  copies: string[];
  /** `ok`, or what is wrong, the worst first. */
  state: string;
  isOk: boolean;
  note?: string;
  /** ISO 8601 in UTC; none while paused. */
  nextRun?: string;
  lastRun?: { workflowId: string; slot: string; lateBy: string; outcome: string };
  /** Slots since the Schedule was made that no run was started for. */
  missed: number;
}

/** There is no such policy. */
export class PolicyNotFound extends Error {
  override readonly name = 'PolicyNotFound';
}

/** These slots are not to be run. */
export class BackfillRefused extends Error {
  override readonly name = 'BackfillRefused';
}

/** What can be done to a policy's Schedule without changing the policy. */
export class BackupPolicies {
  constructor(private readonly holdfast: Holdfast) {}

  async list(): Promise<PolicyState[]> {
    const states: PolicyState[] = [];
    for await (const scheduleId of listScheduleIds(this.holdfast.temporal)) {
      const name = readPolicyId(scheduleId);
      if (name !== undefined) states.push(await this.readState(name));
    }
    return states.sort((a, b) => a.policyName.localeCompare(b.policyName));
  }

  /** A paused policy deletes none of its points either. */
  pause(policyName: string, note: string): Promise<void> {
    return this.tell(policyName, (schedule) => schedule.pause(note));
  }

  resume(policyName: string, note: string): Promise<void> {
    return this.tell(policyName, (schedule) => schedule.unpause(note));
  }

  /**
   * Has the Schedule start a run now.
   *
   * @returns the run, once it has started
   * @throws NotTriggered where the server starts none
   */
  trigger(policyName: string): Promise<TriggeredRun> {
    return this.tell(policyName, (schedule) => trigger(schedule, policyName));
  }

  /**
   * Runs the slots of that time; a slot that was done makes nothing new. Each run backs up what is there now.
   *
   * @param start not before the policy was made
   * @param end not in the future
   * @returns how many slots that is
   * @throws BackfillRefused, with nothing started; above a day's worth too, unless it is said that this is meant
   */
  async backfill(policyName: string, start: Date, end: Date, isMeant = false): Promise<number> {
    return this.tell(policyName, async (schedule) => {
      const { info } = await schedule.describe();
      const asked = { from: start, to: end };
      const problem = whyNoBackfill({ ...asked, createdAt: info.createdAt, now: new Date() });
      if (problem !== undefined) throw new BackfillRefused(problem);
      const slots = await this.slotsIn(policyName, asked);
      if (isBig(asked) && !isMeant)
        throw new BackfillRefused(
          `these are ${slots} slots, and each of their runs backs up all that the policy selects as it is now; add --yes where that is meant`,
        );
      await schedule.backfill({ start, end, overlap: ScheduleOverlapPolicy.ALLOW_ALL });
      return slots;
    });
  }

  /** As Temporal tells them. */
  private async slotsIn(policyName: string, { from, to }: { from: Date; to: Date }): Promise<number> {
    const { temporal } = this.holdfast;
    const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
      namespace: temporal.options.namespace,
      scheduleId: scheduleIds.policy(policyName),
      startTime: msToTs(from.getTime()),
      endTime: msToTs(to.getTime()),
    });
    return (startTime ?? []).length;
  }

  private async tell<Answer>(
    policyName: string,
    tell: (schedule: ReturnType<typeof this.schedule>) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await tell(this.schedule(policyName));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      throw new PolicyNotFound(`there is no backup policy ${policyName}; policy list shows those that are`);
    }
  }

  private schedule(policyName: string) {
    return this.holdfast.temporal.schedule.getHandle(scheduleIds.policy(policyName));
  }

  /** One that cannot be read says so in its line, and hides no other. */
  private async readState(policyName: string): Promise<PolicyState> {
    try {
      return await this.requireState(policyName);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const unknown = { every: 'unknown', retention: 'unknown', targets: [], copies: [], missed: 0 };
      return { policyName, ...unknown, state: `not read: ${why}`, isOk: false };
    }
  }

  private async requireState(policyName: string): Promise<PolicyState> {
    const description = await this.schedule(policyName).describe();
    const { info, state } = description;
    const policy = policyOf(description);
    const last = await findLastRun(this.holdfast.temporal, policyName, description);
    const missed = info.numActionsMissedCatchupWindow + info.numActionsSkippedOverlap;
    const wrong = [
      ...(policy ? [] : ['unreadable']),
      ...(last && last.outcome !== 'Succeeded' && last.outcome !== 'running' ? [last.outcome] : []),
      ...(last && last.lateMs > LATE_MS ? ['late'] : []),
      ...(missed > 0 ? [`${missed} missed`] : []),
      ...(state.paused ? ['paused'] : []),
      ...(last ? [] : ['never ran']),
    ];
    return {
      policyName,
      every: policy ? formatSchedule(policy) : 'unknown',
      retention: policy ? formatRetention(policy.retention) : 'unknown',
      targets: policy?.targets.map(targetKey) ?? [],
      copies: policy?.copies.map(({ toRegion }) => toRegion) ?? [],
      state: wrong.join(', ') || 'ok',
      isOk: wrong.every((word) => word === 'never ran' || word === 'paused'),
      ...(state.note && { note: state.note }),
      ...(!state.paused && info.nextActionTimes[0] && { nextRun: info.nextActionTimes[0].toISOString() }),
      ...(last && { lastRun: last.told }),
      missed,
    };
  }
}
