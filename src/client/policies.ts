import { ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleDescription } from '@temporalio/client';
import { formatDuration } from '../model/duration';
import { scheduleIds } from '../model/ids';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { isOpenStatus } from '../model/openness';
import { formatSchedule, type NormalizedPolicy } from '../model/policy';
import { formatRetention } from '../model/retentionTerms';
import { targetKey } from '../model/target';
import type { Holdfast } from './operations';

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

/** What can be done to a policy's Schedule without changing the policy. */
export class BackupPolicies {
  constructor(private readonly holdfast: Holdfast) {}

  async list(): Promise<PolicyState[]> {
    const states: PolicyState[] = [];
    const prefix = scheduleIds.policy('');
    for await (const { scheduleId } of this.holdfast.temporal.schedule.list()) {
      if (scheduleId.startsWith(prefix)) states.push(await this.state(scheduleId.slice(prefix.length)));
    }
    return states.sort((a, b) => a.policyName.localeCompare(b.policyName));
  }

  /** A paused policy deletes none of its points either. */
  pause(policyName: string, note: string): Promise<void> {
    return this.told(policyName, (schedule) => schedule.pause(note));
  }

  resume(policyName: string, note: string): Promise<void> {
    return this.told(policyName, (schedule) => schedule.unpause(note));
  }

  /** Has the Schedule start a run now. */
  trigger(policyName: string): Promise<void> {
    return this.told(policyName, (schedule) => schedule.trigger(ScheduleOverlapPolicy.ALLOW_ALL));
  }

  /** Runs the slots of that time; a slot that was done makes nothing new. */
  backfill(policyName: string, start: Date, end: Date): Promise<void> {
    return this.told(policyName, (schedule) =>
      schedule.backfill({ start, end, overlap: ScheduleOverlapPolicy.ALLOW_ALL }),
    );
  }

  private async told(
    policyName: string,
    tell: (schedule: ReturnType<typeof this.schedule>) => Promise<void>,
  ): Promise<void> {
    try {
      await tell(this.schedule(policyName));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      throw new PolicyNotFound(`there is no backup policy ${policyName}; policy list shows those that are`);
    }
  }

  private schedule(policyName: string) {
    return this.holdfast.temporal.schedule.getHandle(scheduleIds.policy(policyName));
  }

  private async state(policyName: string): Promise<PolicyState> {
    const description = await this.schedule(policyName).describe();
    const { info, state } = description;
    const policy = policyOf(description);
    const lastRun = await this.lastRun(description);
    const missed = info.numActionsMissedCatchupWindow + info.numActionsSkippedOverlap;
    const wrong = [
      ...(policy ? [] : ['unreadable']),
      ...(lastRun && lastRun.outcome !== 'Succeeded' && lastRun.outcome !== 'running'
        ? [lastRun.outcome]
        : []),
      ...(lastRun && lastRun.lateMs > LATE_MS ? ['late'] : []),
      ...(missed > 0 ? [`${missed} missed`] : []),
      ...(state.paused ? ['paused'] : []),
      ...(lastRun ? [] : ['never ran']),
    ];
    return {
      policyName,
      every: policy ? formatSchedule(policy) : 'unknown',
      retention: policy ? formatRetention(policy.retention) : 'unknown',
      targets: policy?.targets.map(targetKey) ?? [],
      copies: policy?.copies?.map(({ toRegion }) => toRegion) ?? [],
      state: wrong.join(', ') || 'ok',
      isOk: wrong.every((word) => word === 'never ran' || word === 'paused'),
      ...(state.note && { note: state.note }),
      ...(!state.paused && info.nextActionTimes[0] && { nextRun: info.nextActionTimes[0].toISOString() }),
      ...(lastRun && { lastRun: lastRun.told }),
      missed,
    };
  }

  /** The newest run that the Schedule started, and how it ended. */
  private async lastRun({ info }: ScheduleDescription) {
    const newest = info.recentActions.at(-1);
    if (!newest) return undefined;
    const { workflowId, firstExecutionRunId } = newest.action.workflow;
    const outcome = await this.outcome(workflowId, firstExecutionRunId);
    const lateMs = newest.takenAt.getTime() - newest.scheduledAt.getTime();
    const slot = newest.scheduledAt.toISOString();
    return { lateMs, outcome, told: { workflowId, slot, lateBy: formatDuration(lateMs), outcome } };
  }

  /** Closed runs disappear after the namespace's retention: that is no failure. */
  private async outcome(workflowId: string, runId: string): Promise<string> {
    try {
      const { status, typedSearchAttributes } = await this.holdfast.temporal.workflow
        .getHandle(workflowId, runId)
        .describe();
      if (isOpenStatus(status.name)) return 'running';
      const { name } = SEARCH_ATTRIBUTES.outcome;
      return typedSearchAttributes.get({ name, type: 'KEYWORD' }) ?? status.name;
    } catch {
      return 'forgotten';
    }
  }
}

function policyOf({
  action,
}: ScheduleDescription):
  | (Partial<NormalizedPolicy> & Pick<NormalizedPolicy, 'frequencyMs' | 'retention' | 'targets' | 'timezone'>)
  | undefined {
  return action.type === 'startWorkflow' ? (action.args?.[0] as NormalizedPolicy | undefined) : undefined;
}
