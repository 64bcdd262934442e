import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { Hooks } from '../../model/machines/hooks';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { targetKey } from '../../model/target';
import { FAILURE } from '../../model/failures';
import { Commands, SendFailed } from '../machines/commands';
import type { ActivityDeps } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { GuestHooks, HookFailed } from './hooks';
import { resourceOf, type Item } from './items';
import type { SetMaker, SetsRequest } from './snapshotSets';
import { VssSets } from './vssSets';
import { tagList, tagMap } from '../support/tags';
import { isWindows } from '../machines/agents';
import type { Consistency } from '../../model/points/consistency';

/** EC2's clock and SSM's need not agree better. */
const CLOCK_SKEW_MS = 1_000;

export interface Taken {
  snapshots: Snapshot[];
  consistency: Consistency;
  /** Why the set is only as after a power failure. */
  crashBecause?: string;
}

/** Sets of instances whose policy has hooks. */
export class HookedSets {
  private readonly guests: GuestHooks;
  private readonly vss: VssSets;

  constructor(
    deps: ActivityDeps,
    private readonly ec2: EC2Client,
    private readonly request: SetsRequest,
    private readonly hooks: Hooks,
    private readonly maker: SetMaker,
  ) {
    const commands = new Commands(deps.aws.ssm(request.target, 'backup'), deps.settings, request.slotMs);
    this.guests = new GuestHooks(commands, hooks, request.target);
    this.vss = new VssSets(ec2, commands, maker, deps.settings);
  }

  /** Made by AWS's document in the guest. */
  isVss({ now }: Item): boolean {
    return this.hooks.vss && now.instance !== undefined && isWindows(now.instance);
  }

  /** Thaws what an earlier attempt or run may have left frozen, and doubts a set that was begun after that. */
  async settle(item: Item, set: readonly Snapshot[]): Promise<void> {
    if (!this.hooks.pre || this.isVss(item)) return;
    const { thawedMs } = await this.guests.settle(item.now, telling(item));
    const isCalm = tagMap(set[0]?.Tags)[TAG.consistency] === 'application';
    const isLate = set.some(
      ({ StartTime }) => (StartTime?.getTime() ?? 0) > (thawedMs ?? Infinity) + CLOCK_SKEW_MS,
    );
    if (isCalm && isLate) await this.doubt(item, set);
  }

  /** Whoever made it did not know that another had thawed the guest. */
  private async doubt(item: Item, set: readonly Snapshot[]): Promise<void> {
    const Tags = tagList({ [TAG.consistency]: 'crash' });
    const Resources = set.map(({ SnapshotId = '' }) => SnapshotId);
    await this.ec2.send(new CreateTagsCommand({ Resources, Tags }));
    const why = 'its set was begun after another attempt had thawed the guest';
    Object.assign(item, { consistency: 'crash', crashBecause: why });
    if (this.hooks.onFailure === 'abort')
      item.problem ??= {
        item: resourceOf(item),
        type: FAILURE.hookFailed,
        message: `${resourceOf(item)}: ${why}`,
      };
  }

  /** @throws HookFailed when there is no set because the instance could not be brought to rest */
  async take(item: Item, signal: AbortSignal): Promise<Taken> {
    const { now } = item;
    if (await this.isStopped(item)) return this.plain(item, 'application');
    if (this.isVss(item)) return this.byVss(item, signal);
    if (!this.hooks.pre) return this.crash(item, 'the policy has no hooks for it');
    try {
      const manifest = await this.maker.manifest(now);
      const { next } = await this.guests.settle(now, telling(item));
      const action = () => this.maker.create(now, { manifest, consistency: 'application' });
      const snapshots = await this.guests.atRest(now, next, { action, tell: telling(item), signal });
      return { snapshots, consistency: 'application' };
    } catch (error) {
      if (!(error instanceof HookFailed)) throw error;
      return this.without(item, error);
    }
  }

  private async byVss(item: Item, signal: AbortSignal): Promise<Taken> {
    const fail = (failure: FailedItem) => this.without(item, new HookFailed(failure, false));
    try {
      const outcome = await this.vss.take(item.now, item.discarded, signal);
      if ('snapshots' in outcome) return { ...outcome, consistency: 'application' };
      const message = `${resourceOf(item)} in ${targetKey(this.request.target)}: ${outcome.failed}`;
      return await fail({ item: resourceOf(item), type: FAILURE.hookFailed, message });
    } catch (error) {
      if (!(error instanceof SendFailed)) throw error;
      return fail(failedItem(resourceOf(item), error.cause));
    }
  }

  /** What the policy says of instances that cannot be brought to rest. */
  private without(item: Item, failure: HookFailed): Promise<Taken> {
    if (this.hooks.onFailure === 'abort') throw failure;
    return this.crash(item, failure.message);
  }

  private async crash(item: Item, crashBecause: string): Promise<Taken> {
    return { ...(await this.plain(item, 'crash')), crashBecause };
  }

  private async plain({ now }: Item, consistency: Consistency): Promise<Taken> {
    const manifest = await this.maker.manifest(now);
    return { snapshots: await this.maker.create(now, { manifest, consistency }), consistency };
  }

  /** As it is now: what the page's first look saw may be an hour old. */
  private async isStopped({ now }: Item): Promise<boolean> {
    if (now.instance?.State?.Name !== 'stopped') return false;
    const { Reservations = [] } = await this.ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [now.unit.resourceId] }),
    );
    return Reservations[0]?.Instances?.[0]?.State?.Name === 'stopped';
  }
}

function telling(item: Item): (problem: FailedItem) => void {
  return (problem) => (item.problem ??= problem);
}
