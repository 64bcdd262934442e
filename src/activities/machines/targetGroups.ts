import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { CreateTagsCommand, DeleteTagsCommand, type Tag } from '@aws-sdk/client-ec2';
import {
  DeregisterTargetsCommand,
  RegisterTargetsCommand,
  TargetHealthStateEnum,
  type ElasticLoadBalancingV2Client,
  type TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { finalFailure } from '../../aws/applicationFailures';
import {
  formatGroupMarks,
  joinedGroups,
  type DrainedGroup,
  type TargetGroup,
} from '../../model/machines/drain';
import { formatDuration } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { formatMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { requireInstance } from './facts';
import { describedMember, describeHealth, groupIndex } from './groupIndex';
import { noteKeys, readGroupNotes } from './groupNotes';
import { now, sleep } from '../support/pace/waits';
import { beatDuring } from '../support/pace/beating';
import { unlessGone } from '../support/unlessGone';
import type { MachinePlan } from '../../model/machines/facts';

/** Longest pause between two looks, in polls: minutes pass until a target is drained, or healthy. */
const LONGEST_PAUSE = 6;

interface Groups {
  target: Target;
  groups: TargetGroup[];
}

interface OfMachine {
  plan: MachinePlan;
  /** Runs of 0.1.0 do not say which. */
  migrationId?: string;
  /** Groups that the run itself has taken the machine out of, by their ARNs; not known of a terminated one. */
  left?: string[];
}

interface Waited extends Groups {
  timeoutMs: number;
}

/** What another attempt of a wait goes on with. */
interface Beat {
  until: number;
}

interface FindTargetsRequest {
  target: Target;
  instanceId: string;
  afresh: boolean;
}

interface NoteTargetsRequest {
  plan: MachinePlan;
  migrationId: string;
  groups: TargetGroup[];
  mark: boolean;
}

/** A machine's target groups: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html */
export function targetGroupActivities({ aws, settings }: ActivityDeps) {
  const { pollMs } = settings;

  /** Looks until nothing is left, or the time is over. */
  async function awaitNone(timeoutMs: number, left: () => Promise<string[]>): Promise<string[]> {
    const earlier = Context.current().info.heartbeatDetails as Beat | undefined;
    const beat: Beat = { until: earlier?.until ?? now() + timeoutMs };
    return beatDuring(beat, pollMs, async () => {
      for (let pauseMs = pollMs; ; pauseMs = Math.min(1.5 * pauseMs, LONGEST_PAUSE * pollMs)) {
        const names = await left();
        if (names.length === 0 || now() >= beat.until) return names;
        await sleep(Math.ceil(pauseMs));
      }
    });
  }

  return {
    /** The groups that the machine is in. Reads many, where an account has many. */
    async findTargets({ target, instanceId, afresh }: FindTargetsRequest): Promise<DrainedGroup[]> {
      const instance = await requireInstance(aws.ec2(target, 'read'), target, instanceId);
      return beatDuring({}, pollMs, () => groupIndex(aws, target).readNow(instance, { afresh }));
    },

    /**
     * Notes on the machine where it has to be registered again, together with what is noted there already: an earlier
     * attempt may have taken it out of some of them. With `mark`, its migration is marked in the same call.
     */
    async noteTargets({ plan, migrationId, groups, mark }: NoteTargetsRequest): Promise<TargetGroup[]> {
      const { target, instanceId, wasRunning } = plan;
      // Before the stop it is in all of them still; a rollback may have been begun before.
      const left = mark && groups.map(({ arn }) => arn);
      const noted = await readGroupNotes(aws.ec2(target, 'read'), {
        plan,
        migrationId,
        ...(left && { left }),
      });
      const all = joinedGroups([...noted.groups, ...groups]);
      const notes = formatGroupMarks(all, { instanceId, migrationId });
      const keys = noteKeys(notes.length, noted);
      const Tags: Tag[] = notes.map((Value, index) => ({ Key: keys[index], Value }));
      if (mark) {
        const Value = formatMachineMark(instanceId, { migrationId, wasRunning, phase: 'rest' });
        Tags.push({ Key: TAG.migration, Value });
      }
      if (Tags.length > 0)
        await aws.ec2(target, 'migrate').send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
      return all;
    },

    /**
     * Registers what is registered: a target that may not be put back must not be taken out. It stays as it is by that.
     */
    async requireRegistrable({ target, groups }: Groups): Promise<void> {
      const elb = aws.elbv2(target, 'migrate');
      for (const group of groups) await register(elb, group);
    },

    /** Who is out already counts as taken out: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html */
    async deregisterTargets({ target, groups }: Groups): Promise<void> {
      const elb = aws.elbv2(target, 'migrate');
      for (const { arn, targets } of groups)
        await unlessGone(
          elb.send(
            new DeregisterTargetsCommand({ TargetGroupArn: arn, Targets: targets.map(describedMember) }),
          ),
        ).catch(notRunningYet);
    },

    /**
     * Waits until requests under way have ended.
     *
     * @throws ApplicationFailure DrainFailed naming the groups that still drain
     */
    async awaitDrained({ target, groups, timeoutMs }: Waited): Promise<void> {
      const elb = aws.elbv2(target, 'read');
      const left = await awaitNone(timeoutMs, () =>
        findUnlike(elb, groups, ({ TargetHealth }) => TargetHealth?.State === TargetHealthStateEnum.UNUSED),
      );
      if (left.length === 0) return;
      throw finalFailure(
        FAILURE.drainFailed,
        `not drained within ${formatDuration(timeoutMs)} in ${targetKey(target)}: ${left.join('; ')}`,
      );
    },

    /**
     * Registers the machine again wherever it is noted to have been.
     *
     * @returns groups and, by name, those that are gone; and notes that are not the machine's own, which it was not
     *   registered by
     */
    async registerTargets(
      asked: OfMachine,
    ): Promise<{ groups: TargetGroup[]; gone: string[]; foreign: string[] }> {
      const { target } = asked.plan;
      const noted = await readGroupNotes(aws.ec2(target, 'read'), asked);
      const elb = aws.elbv2(target, 'migrate');
      const groups: TargetGroup[] = [];
      const gone: string[] = [];
      for (const group of noted.groups) {
        if (await register(elb, group)) groups.push(group);
        else gone.push(group.name);
      }
      return { groups, gone, foreign: noted.foreign.map(({ key, why }) => `${key}: ${why}`) };
    },

    /**
     * Waits until every target that was healthy is so again.
     *
     * @returns those that are not when the time is over, with what their group says of them
     */
    async awaitServed({ target, groups, timeoutMs }: Waited): Promise<string[]> {
      const elb = aws.elbv2(target, 'read');
      const served = groups.map((group) => ({
        ...group,
        targets: group.targets.filter(({ healthy }) => healthy),
      }));
      return awaitNone(timeoutMs, () =>
        findUnlike(elb, served, ({ TargetHealth }) => TargetHealth?.State === TargetHealthStateEnum.HEALTHY),
      );
    },

    /** Those of other machines stay: nobody knows what they are for. */
    async forgetTargets(asked: OfMachine): Promise<void> {
      const { target, instanceId } = asked.plan;
      const ec2 = aws.ec2(target, 'migrate');
      const { own } = await readGroupNotes(ec2, asked);
      if (own.length === 0) return;
      const Tags = own.map((Key) => ({ Key }));
      await ec2.send(new DeleteTagsCommand({ Resources: [instanceId], Tags }));
    },
  };
}

/** False where the group is gone. */
async function register(elb: ElasticLoadBalancingV2Client, { arn, targets }: TargetGroup): Promise<boolean> {
  const registered = await unlessGone(
    elb.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: targets.map(describedMember) })),
  ).catch(notRunningYet);
  return registered !== undefined;
}

/** A target that "is not running" may be so in EC2 already, and ELB learns of it later. */
function notRunningYet(error: unknown): never {
  if (error instanceof Error && error.name.startsWith('InvalidTarget') && error.message.includes('running'))
    throw ApplicationFailure.create({ message: error.message, type: FAILURE.conflict, cause: error });
  throw error;
}

/** Targets that are not so, with their group and what it says of them; a group that is gone has none. */
async function findUnlike(
  elb: ElasticLoadBalancingV2Client,
  groups: readonly TargetGroup[],
  isSo: (health: TargetHealthDescription) => boolean,
): Promise<string[]> {
  const found = await Promise.all(
    groups.map(async ({ arn, name, targets }) => {
      if (targets.length === 0) return [];
      const health = await describeHealth(elb, arn, targets.map(describedMember));
      return health
        .filter((each) => !isSo(each))
        .map(({ Target, TargetHealth: told }) => {
          const why = told?.Description ? `: ${told.Description}` : '';
          return `${Target?.Id}:${Target?.Port} in target group ${name} is ${told?.State ?? 'unknown'}${why}`;
        });
    }),
  );
  return found.flat();
}
