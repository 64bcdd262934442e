import {
  fail,
  isUnderWay,
  loseAnswer,
  postpone,
  refuseState,
  start,
  takesRoom,
  waitToSettle,
  type Protection,
  type Resting,
  type Starting,
} from '../../model/backup/protection';
import type { Settings } from '../support/deps';
import { failedItem } from '../support/failedItem';
import { now } from '../support/pace/waits';
import { patienceWith } from '../support/patience';
import type { HookedUnits } from './hookedUnits';
import { HookFailed } from './hooks';
import { resourceOf, type Item } from './items';
import { isStateRefusal, neverSettled } from './movingUnits';
import type { PendingSlots } from './pendingSlots';
import type { Room } from './room';

/** A call takes up to a second; one after the other they would be slower than EC2's rate. */
const STARTS_AT_ONCE = 5;
/** Between looks at what is starting or stopping, in polls. */
const MOVING_POLLS = 3;
/** Until a volume that has too many pending snapshots is asked again, in polls. */
const VOLUME_POLLS = 3;
/** How long a refusal for want of room counts, in polls; and when a guest is frozen again after one. */
const REFUSAL_POLLS = 12;

/** How long EBS's refusal for want of room counts, in milliseconds. */
export function refusalCountsMs({ pollMs }: Pick<Settings, 'pollMs'>): number {
  return REFUSAL_POLLS * pollMs;
}

export interface Turn {
  item: Item;
  state: Starting;
}

/** Who may start, and what a call that was refused says of the next. */
export class Starts {
  constructor(
    private readonly slots: PendingSlots,
    private readonly room: Pick<Room, 'noteRefusal' | 'forget'>,
    private readonly hooked: Pick<HookedUnits, 'has' | 'canStart'>,
    private readonly settings: Pick<Settings, 'pollMs' | 'readLagMs'>,
    /** When a point counts as too late, in milliseconds since the epoch. */
    private readonly dueMs: number,
  ) {}

  /** Each in its turn, as many as may call at once; one that has no room waits for the others. */
  next(items: readonly Item[]): Turn[] {
    const next: Turn[] = [];
    for (const item of items) {
      if (next.length === STARTS_AT_ONCE) break;
      const { state } = item;
      if (state.step !== 'waiting' || state.nextAt > now()) continue;
      if (this.hooked.canStart(item.now) && this.slots.tryTake(item, item.now.volumes.length))
        next.push({ item, state: start(state) });
    }
    return next;
  }

  /** When somebody may start, in milliseconds since the epoch: not at once, for who might have by now has no room. */
  nextAt(items: readonly Item[]): number {
    const nextAt = items.flatMap(({ state }) => (state.step === 'waiting' ? state.nextAt : []));
    if (nextAt.length === 0) return Infinity;
    return Math.max(Math.min(...nextAt), now() + this.settings.pollMs / 5);
  }

  /** Room is held for as long as the state takes some; whose set is there, or who is over, waits for none. */
  follow(item: Item): void {
    const { state } = item;
    if (isUnderWay(state) || state.step === 'over') this.room.forget(item);
    if (!takesRoom(state)) this.slots.giveBack(item);
    else this.slots.hold(item, isUnderWay(state) ? state.set.size : item.now.volumes.length);
  }

  /** Whatever its state. */
  giveUp(item: Item): void {
    this.slots.giveBack(item);
  }

  /** Until it is running or stopped. */
  waitToSettle(item: Item, state: Starting | Resting): Protection {
    const inMs = MOVING_POLLS * this.settings.pollMs;
    return waitToSettle(state, now(), { inMs, dueMs: this.dueMs }) ?? fail(state, neverSettled(item, state));
  }

  /** What passes with time is tried again: pending snapshots and API calls have limits, and a big fleet is always at them. */
  refused(item: Item, state: Starting | Resting, error: unknown): Protection {
    if (error instanceof HookFailed) return fail(state, error.item);
    const moving = isStateRefusal(error) && refuseState(state, now());
    if (moving) return this.waitToSettle(item, moving);
    const { readLagMs } = this.settings;
    const answer = patienceWith(error);
    switch (answer) {
      case 'give up':
        return fail(state, failedItem(resourceOf(item), error));
      case 'unsure':
        return loseAnswer(state, now(), readLagMs) ?? fail(state, failedItem(resourceOf(item), error));
      case 'no room':
      case 'no room on the volume':
      case 'later':
        return this.postponed(item, state, answer, error);
    }
  }

  private postponed(
    item: Item,
    state: Starting | Resting,
    answer: 'no room' | 'no room on the volume' | 'later',
    error: unknown,
  ): Protection {
    const spent = this.room.noteRefusal(item, error);
    if (spent) return fail(state, spent);
    if (answer === 'no room') {
      // What EBS has room for is what is taken without this one.
      this.slots.giveBack(item);
      this.slots.noteRefusal();
    }
    // To freeze a guest every few seconds would be worse than a later point.
    const polls = this.hooked.has(item.now)
      ? REFUSAL_POLLS
      : answer === 'no room on the volume'
        ? VOLUME_POLLS
        : 1;
    return postpone(state, now() + polls * this.settings.pollMs);
  }
}
