import { CreateTagsCommand, DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { SeenSnapshot } from '../../model/backup/setLook';
import type { Hooks } from '../../model/machines/hooks';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { targetKey } from '../../model/target';
import { FAILURE } from '../../model/failures';
import { Commands, SendFailed } from '../machines/commands';
import type { ActivityDeps } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { GuestHooks, HookFailed } from './hooks';
import type { SetMaker, SetsRequest, UnitNow } from './snapshotSets';
import { VssSets } from './vssSets';
import { tagList } from '../support/tags';
import { isWindows } from '../machines/agents';
import type { Consistency } from '../../model/points/consistency';

/** EC2's clock and SSM's need not agree better. */
const CLOCK_SKEW_MS = 1_000;

export interface Taken {
  snapshotIds: string[];
  consistency: Consistency;
  /** Why the set is only as after a power failure. */
  crashBecause?: string;
}

/** Who is told of what happens in a guest, beside the looks and the other units. */
export interface Witness {
  /** Of a guest that may still be frozen, whatever becomes of its set. */
  troubled(problem: FailedItem): void;
}

export interface DoubtWitness extends Witness {
  /** The guest did not rest while the set was begun. */
  doubted(why: string): void;
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
  isVss({ instance }: UnitNow): boolean {
    return this.hooks.vss && instance !== undefined && isWindows(instance);
  }

  /** Thaws what an earlier attempt or run may have left frozen, and doubts a set that was begun after that. */
  async settle(now: UnitNow, set: readonly SeenSnapshot[], witness: DoubtWitness): Promise<void> {
    if (!this.hooks.pre || this.isVss(now)) return;
    const { thawedMs = Infinity } = await this.guests.settle(now, telling(witness));
    const isCalm = set[0]?.tags[TAG.consistency] === 'application';
    const isLate = set.some(({ startedAt }) => startedAt > thawedMs + CLOCK_SKEW_MS);
    if (isCalm && isLate) await this.doubt(now, set, witness);
  }

  /** Whoever made it did not know that another had thawed the guest. */
  private async doubt({ unit }: UnitNow, set: readonly SeenSnapshot[], witness: DoubtWitness): Promise<void> {
    const Tags = tagList({ [TAG.consistency]: 'crash' });
    const Resources = set.map(({ snapshotId }) => snapshotId);
    await this.ec2.send(new CreateTagsCommand({ Resources, Tags }));
    const why = 'its set was begun after another attempt had thawed the guest';
    witness.doubted(why);
    const item = unit.resourceId;
    if (this.hooks.onFailure === 'abort')
      witness.troubled({ item, type: FAILURE.hookFailed, message: `${item}: ${why}` });
  }

  /**
   * @param discarded snapshots that are no set of its any more
   * @throws HookFailed when there is no set because the instance could not be brought to rest
   */
  async take(now: UnitNow, discarded: Set<string>, witness: Witness, signal: AbortSignal): Promise<Taken> {
    if (await this.isStopped(now)) return this.takePlain(now, 'application');
    if (this.isVss(now)) return this.takeByVss(now, discarded, signal);
    if (!this.hooks.pre) return this.takeCrashConsistent(now, 'the policy has no hooks for it');
    try {
      const tell = telling(witness);
      const manifest = await this.maker.writeManifest(now);
      const { next } = await this.guests.settle(now, tell);
      const action = () => this.maker.create(now, { manifest, consistency: 'application' });
      const snapshotIds = await this.guests.doAtRest(now, next, { action, tell, signal });
      return { snapshotIds, consistency: 'application' };
    } catch (error) {
      if (!(error instanceof HookFailed)) throw error;
      return this.takeWithoutHooks(now, error);
    }
  }

  private async takeByVss(now: UnitNow, discarded: Set<string>, signal: AbortSignal): Promise<Taken> {
    const item = now.unit.resourceId;
    const fail = (failure: FailedItem) => this.takeWithoutHooks(now, new HookFailed(failure, false));
    try {
      const outcome = await this.vss.take(now, discarded, signal);
      if ('snapshotIds' in outcome) return { ...outcome, consistency: 'application' };
      const message = `${item} in ${targetKey(this.request.target)}: ${outcome.failed}`;
      return await fail({ item, type: FAILURE.hookFailed, message });
    } catch (error) {
      if (!(error instanceof SendFailed)) throw error;
      return fail(failedItem(item, error.cause));
    }
  }

  /** What the policy says of instances that cannot be brought to rest. */
  private takeWithoutHooks(now: UnitNow, failure: HookFailed): Promise<Taken> {
    if (this.hooks.onFailure === 'abort') throw failure;
    return this.takeCrashConsistent(now, failure.message);
  }

  private async takeCrashConsistent(now: UnitNow, crashBecause: string): Promise<Taken> {
    return { ...(await this.takePlain(now, 'crash')), crashBecause };
  }

  private async takePlain(now: UnitNow, consistency: Consistency): Promise<Taken> {
    const manifest = await this.maker.writeManifest(now);
    return { snapshotIds: await this.maker.create(now, { manifest, consistency }), consistency };
  }

  /** As it is now: what the page's first look saw may be an hour old. */
  private async isStopped({ unit, instance }: UnitNow): Promise<boolean> {
    if (instance?.State?.Name !== 'stopped') return false;
    const { Reservations = [] } = await this.ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [unit.resourceId] }),
    );
    return Reservations[0]?.Instances?.[0]?.State?.Name === 'stopped';
  }
}

function telling(witness: Witness): (problem: FailedItem) => void {
  return (problem) => witness.troubled(problem);
}
