import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { SeenSnapshot } from '../../model/backup/setLook';
import type { FailedItem } from '../../model/outcome';
import { Asides } from '../support/pace/asides';
import type { ActivityDeps } from '../support/deps';
import { failedItem, tryOnceMore } from '../support/failedItem';
import { HookedSets, type DoubtWitness, type Taken, type Witness } from './hookedSets';
import { HookFailed } from './hooks';
import type { SetMaker, SetsRequest, UnitNow } from './snapshotSets';
import { isUnjudged } from './vssSets';

/** Guests that are brought to rest at the same time; each takes room for its set all the while. */
const HOOKS_AT_ONCE = 10;

interface TakeWitness extends Witness {
  begun(taken: Taken): void;
  refused(error: unknown): void;
}

interface SettleWitness extends DoubtWitness {
  settled(): void;
}

/**
 * The units of a page that have hooks. Commands in a guest take minutes, so they run beside the looks and the other
 * units; without hooks in the policy nothing here does anything.
 */
export class HookedUnits {
  private readonly sets?: HookedSets;
  private readonly asides = new Asides(HOOKS_AT_ONCE);

  constructor(
    private readonly deps: ActivityDeps,
    ec2: EC2Client,
    request: SetsRequest,
    maker: SetMaker,
  ) {
    const { hooks } = request.policy;
    if (hooks) this.sets = new HookedSets(deps, ec2, request, hooks, maker);
  }

  /** Only instances have guests. */
  has({ unit }: UnitNow): boolean {
    return this.sets !== undefined && unit.kind === 'instance';
  }

  /** There is no point in keeping quota for one that cannot begin. */
  canStart(now: UnitNow): boolean {
    return !this.has(now) || this.asides.hasRoom;
  }

  /** @param discarded snapshots that are no set of its any more; of a set that fails it adds its own */
  take(now: UnitNow, discarded: Set<string>, witness: TakeWitness): void {
    const { sets } = this;
    if (!sets) return;
    const signal = Context.current().cancellationSignal;
    this.asides.start(async () => {
      try {
        witness.begun(await sets.take(now, discarded, witness, signal));
      } catch (error) {
        witness.refused(error);
      }
    });
  }

  /** Its set is found by its marks, because whoever made it answers no ids. */
  isFound(now: UnitNow): boolean {
    return this.has(now) && (this.sets?.isVss(now) ?? false);
  }

  /** What AWS's document made in a guest is no set before somebody has heard that it succeeded. */
  isUnjudged(now: UnitNow, set: readonly SeenSnapshot[]): boolean {
    return this.isFound(now) && set.some(isUnjudged);
  }

  /** Thaws what an earlier attempt or run may have left frozen; the set is what it made, as far as it shows. */
  settle(now: UnitNow, set: readonly SeenSnapshot[], witness: SettleWitness): void {
    const { sets } = this;
    if (!sets || !this.has(now)) return;
    this.asides.start(async () => {
      try {
        await tryOnceMore(() => sets.settle(now, set, witness));
      } catch (error) {
        witness.troubled(error instanceof HookFailed ? error.item : failedItem(now.unit.resourceId, error));
      }
      witness.settled();
    });
  }

  /** Thaws what an earlier attempt or run may have left frozen, of which no set is known. */
  async settleAll(
    units: readonly UnitNow[],
    beat: () => void,
    troubled: (now: UnitNow, problem: FailedItem) => void,
  ): Promise<void> {
    const nothing = () => undefined;
    for (const now of units)
      this.settle(now, [], {
        troubled: (problem) => troubled(now, problem),
        doubted: nothing,
        settled: nothing,
      });
    await this.drain(beat);
  }

  /** A guest is thawed before the activity ends, cancelled or not: all that is under way is seen to its end. */
  drain(beat: () => void): Promise<void> {
    return this.asides.drain(beat, this.deps.settings.pollMs);
  }
}
