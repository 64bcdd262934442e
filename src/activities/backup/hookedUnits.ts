import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import { Asides } from '../support/pace/asides';
import type { ActivityDeps } from '../support/deps';
import { failedItem, onceMore } from '../support/failedItem';
import { HookedSets } from './hookedSets';
import { HookFailed } from './hooks';
import { resourceOf, type Item } from './items';
import type { SetMaker, SetsRequest } from './snapshotSets';
import { isUnjudged } from './vssSets';

/** Guests that are brought to rest at the same time; each takes room for its set all the while. */
const HOOKS_AT_ONCE = 10;

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
  has({ now }: Item): boolean {
    return this.sets !== undefined && now.unit.kind === 'instance';
  }

  /** There is no point in keeping quota for one that cannot begin. */
  canStart(item: Item): boolean {
    return !this.has(item) || this.asides.hasRoom;
  }

  take(item: Item, begun: (snapshots: readonly Snapshot[]) => void, refused: (error: unknown) => void): void {
    const { sets } = this;
    if (!sets) return;
    const signal = Context.current().cancellationSignal;
    item.state = 'hooks';
    this.asides.start(async () => {
      try {
        const { snapshots, ...kind } = await sets.take(item, signal);
        Object.assign(item, kind);
        begun(snapshots);
      } catch (error) {
        refused(error);
      }
    });
  }

  /** Its set is found by its marks, because whoever made it answers no ids. */
  isFound(item: Item): boolean {
    return this.has(item) && (this.sets?.isVss(item) ?? false);
  }

  /** What AWS's document made in a guest is no set before somebody has heard that it succeeded. */
  isUnjudged(item: Item, snapshots: readonly Snapshot[]): boolean {
    return this.isFound(item) && snapshots.some(isUnjudged);
  }

  /** Thaws what an earlier attempt or run may have left frozen; the set is what it made, as far as it shows. */
  settle(item: Item, set: readonly Snapshot[] = []): void {
    const { sets } = this;
    if (!sets || !this.has(item)) return;
    item.isSettling = true;
    this.asides.start(async () => {
      try {
        await onceMore(() => sets.settle(item, set));
      } catch (error) {
        item.problem ??= error instanceof HookFailed ? error.item : failedItem(resourceOf(item), error);
      }
      item.isSettling = false;
    });
  }

  async settleAll(items: readonly Item[], beat: () => void): Promise<void> {
    for (const item of items) this.settle(item);
    await this.drained(beat);
  }

  /** A guest is thawed before the activity ends, cancelled or not: all that is under way is seen to its end. */
  drained(beat: () => void): Promise<void> {
    return this.asides.drained(beat, this.deps.settings.pollMs);
  }
}
