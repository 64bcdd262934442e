import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import {
  adopt,
  adoptFrozen,
  complete,
  fail,
  hearOut,
  isUnderWay,
  lookInVain,
  makeAgain,
  see,
  type Pending,
  type Protection,
  type Unsure,
} from '../../model/backup/protection';
import { judgeSet, type SeenSnapshot } from '../../model/backup/setLook';
import type { ActivityDeps } from '../support/deps';
import { LAGS_UNTIL_GONE } from '../support/gone';
import type { Pace } from '../support/pace/pace';
import { now } from '../support/pace/waits';
import { findMarkedFor } from '../points/recoveryPoints';
import { discardBroken } from './brokenSets';
import type { HookedUnits } from './hookedUnits';
import { foundSet, gone, late, pointOf, type Item, type ProtectRequest } from './items';
import type { SetLook } from './ownSets';
import type { SetMaker } from './snapshotSets';

interface Look {
  item: Item;
  /** All that carry the marks of its point. */
  marked: readonly Snapshot[];
}

interface Around {
  pace: Pace;
  hooked: HookedUnits;
  maker: SetMaker;
}

/** When to look at what is under way, and what a look tells of it. */
export class Looks {
  private lookedAt = 0;

  constructor(
    private readonly deps: Pick<ActivityDeps, 'settings'>,
    private readonly ec2: EC2Client,
    private readonly request: Pick<ProtectRequest, 'dueMs' | 'runId'>,
    private readonly around: Around,
  ) {}

  /** When to look next, in milliseconds since the epoch. */
  nextAt(items: readonly Item[]): number {
    const unsure = items.flatMap(({ state }) => (state.step === 'unsure' ? state.nextAt : []));
    const underWay = items.filter(({ state }) => isUnderWay(state)).map(idOf);
    return Math.min(...unsure, this.around.pace.nextLook(underWay, this.lookedAt));
  }

  isDue(items: readonly Item[]): boolean {
    return this.nextAt(items) <= now();
  }

  /** One Describe serves all that is under way. */
  async look(items: readonly Item[]): Promise<Look[]> {
    const asked = items.filter(
      ({ state }) => isUnderWay(state) || (state.step === 'unsure' && state.nextAt <= now()),
    );
    this.lookedAt = now();
    if (asked.length === 0) return [];
    const found = await findMarkedFor(this.ec2, asked.map(idOf));
    return asked.map((item) => ({ item, marked: found.get(idOf(item)) ?? [] }));
  }

  /** What a look tells of a set that may have been made. One that is there is this unit's, whoever made it. */
  find({ now: unit }: Item, state: Unsure, set: readonly SeenSnapshot[]): Protection {
    const { hooked } = this.around;
    if (set.length === 0) return lookInVain(state, now(), this.deps.settings.readLagMs);
    if (hooked.isUnjudged(unit, set)) return hearOut(state, now());
    const found = foundSet(set, this.request.runId);
    return hooked.has(unit) ? adoptFrozen(state, found) : adopt(state, found);
  }

  /** What a look tells of a set that is there; one that has failed is deleted. */
  async judge(item: Item, state: Pending, look: SetLook): Promise<Protection> {
    const { settings } = this.deps;
    const at = now();
    const verdict = judgeSet(state.set, look.set, { at, goneAfterMs: LAGS_UNTIL_GONE * settings.readLagMs });
    switch (verdict.is) {
      case 'broken': {
        const how = { broken: verdict.broken, isTooLate: at > this.request.dueMs };
        const failure = await discardBroken(this.ec2, item, state, look, how);
        return failure ? fail(state, failure) : makeAgain(state, now() + settings.pollMs);
      }
      case 'gone':
        return fail(state, gone(item));
      case 'not all shown':
        return state;
      case 'under way':
        this.around.pace.recordPending(idOf(item));
        return see(state, at);
      case 'completed':
        return this.completed(item, state, look.set);
    }
  }

  private completed(item: Item, state: Pending, set: readonly SeenSnapshot[]): Protection {
    const point = pointOf(item, state.set, set, this.around.maker.droppedTags(item.now));
    const lateMs = now() - this.request.dueMs;
    return complete(state, point, state.set.created && lateMs > 0 ? late(item, lateMs) : undefined);
  }

  /** The pace is that of what is under way, and learns from what completes. */
  follow(item: Item): void {
    const { state } = item;
    const { pace } = this.around;
    if (isUnderWay(state)) return pace.recordStart(idOf(item));
    if (state.step === 'over' && state.end.as === 'completed') pace.recordCompletion(idOf(item));
    pace.forget(idOf(item));
  }

  /** Whatever its state. */
  giveUp(item: Item): void {
    this.around.pace.forget(idOf(item));
  }
}

function idOf({ now }: Item): string {
  return now.recoveryPointId;
}
