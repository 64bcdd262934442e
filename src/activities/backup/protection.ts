import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import {
  begin,
  bringToRest,
  doubt,
  enter,
  fail,
  handBack,
  isMoving,
  leaveOut,
  settle,
  type BegunSet,
  type End,
  type Protection,
  type Resting,
  type Settling,
  type Starting,
  type Unsure,
} from '../../model/backup/protection';
import type { ActivityDeps } from '../support/deps';
import { failedItem, passes } from '../support/failedItem';
import { byPlace } from '../support/pace/byPlace';
import { Pace } from '../support/pace/pace';
import { now, sleep } from '../support/pace/waits';
import { HookedUnits } from './hookedUnits';
import {
  madeNow,
  resourceOf,
  telling,
  together,
  type Item,
  type ProtectedUnits,
  type ProtectRequest,
} from './items';
import { Looks } from './looks';
import { isOnTheWay, lookAgain } from './movingUnits';
import { heartbeatProgress, recordedBefore, setOf, type SetLook } from './ownSets';
import { PendingSlots } from './pendingSlots';
import { Room } from './room';
import { hasNothing, SetMaker } from './snapshotSets';
import { refusalCountsMs, Starts, type Turn } from './starts';

/** How long a late unit waits for room at least, in polls: ten minutes, of which a snapshot takes two. */
const LATE_UNITS_WAIT = 120;

export function protectionActivities(deps: ActivityDeps) {
  const { settings } = deps;
  const slots = byPlace(() => new PendingSlots(refusalCountsMs(settings)));
  const paces = byPlace(() => new Pace(settings.pollMs));
  return {
    /**
     * Gives every unit a completed snapshot set, exactly once a slot, as fast as EBS's limits allow: at most a hundred
     * snapshots of an account and region are pending at a time. Starting and awaiting are one activity, because each
     * completed snapshot is room for the next; nothing depends on its memory, for a set is found by its tag.
     */
    async protectUnits(request: ProtectRequest): Promise<ProtectedUnits> {
      const { target } = request;
      const ec2 = deps.aws.ec2(target, 'backup');
      return new Page(deps, ec2, request, slots(target), paces(target)).protect();
    },
  };
}

/** The units that are protected together. */
class Page {
  private readonly maker: SetMaker;
  private readonly hooked: HookedUnits;
  private readonly room: Room;
  private readonly starts: Starts;
  private readonly looks: Looks;
  private readonly result: ProtectedUnits = { completed: [], failed: [], leftOut: [] };
  private items: Item[] = [];

  constructor(
    private readonly deps: ActivityDeps,
    private readonly ec2: EC2Client,
    private readonly request: ProtectRequest,
    slots: PendingSlots,
    pace: Pace,
  ) {
    const { settings } = deps;
    this.maker = new SetMaker(deps, ec2, request);
    this.hooked = new HookedUnits(deps, ec2, request, this.maker);
    this.room = new Room(ec2, request.dueMs, LATE_UNITS_WAIT * settings.pollMs);
    this.starts = new Starts(slots, this.room, this.hooked, settings, request.dueMs);
    this.looks = new Looks(deps, ec2, request, { pace, hooked: this.hooked, maker: this.maker });
  }

  async protect(): Promise<ProtectedUnits> {
    try {
      await this.enter();
      while (this.open.length > 0) {
        await this.startAll();
        if (this.request.handBack) this.handBack();
        await this.pause();
        if (this.looks.isDue(this.items)) await this.look();
      }
      return this.result;
    } finally {
      await this.hooked.drain(() => this.heartbeat());
      for (const item of this.items) {
        this.starts.giveUp(item);
        this.looks.giveUp(item);
      }
    }
  }

  private get open(): Item[] {
    return this.items.filter(({ state }) => state.step !== 'over');
  }

  /** What an earlier run of the slot, or an earlier attempt of this activity, made is found and not made again. */
  private async enter(): Promise<void> {
    const isRetry = Context.current().info.attempt > 1;
    const before = recordedBefore();
    for (const now of await this.maker.look(this.request.units)) {
      const state = enter(isRetry);
      const own = { recorded: new Set(before[now.recoveryPointId]), discarded: new Set<string>() };
      const item: Item = { now, state, own };
      this.items.push(item);
      if (hasNothing(now)) this.become(item, leaveOut(state));
    }
    if (isRetry) {
      await this.settleAll();
      await sleep(this.deps.settings.readLagMs);
    }
    await this.look();
  }

  private settleAll(): Promise<void> {
    const items = new Map(this.open.map((item) => [item.now, item]));
    return this.hooked.settleAll(
      [...items.keys()],
      () => this.beat(),
      (now, problem) => {
        const item = items.get(now);
        if (item) telling(item)(problem);
      },
    );
  }

  /** Each in its turn; one that has no room waits for the others. */
  private async startAll(): Promise<void> {
    for (;;) {
      this.beat();
      const turns = this.starts.next(this.items);
      if (turns.length === 0) return;
      for (const { item, state } of turns) this.become(item, state);
      await Promise.all(turns.map((turn) => this.start(turn)));
      // While this goes on, sets complete and make room.
      if (this.looks.isDue(this.items)) await this.look();
    }
  }

  private async start({ item, state }: Turn): Promise<void> {
    try {
      item.now = await lookAgain(this.ec2, item.now, state);
      if (isOnTheWay(item.now)) return this.become(item, this.starts.waitToSettle(item, state));
      if (this.hooked.has(item.now)) return this.takeAtRest(item, bringToRest(state));
      const manifest = await this.maker.writeManifest(item.now);
      const snapshotIds = await this.maker.create(item.now, { manifest });
      this.begun(item, state, madeNow(snapshotIds.length), snapshotIds);
    } catch (error) {
      this.refused(item, state, error);
    }
  }

  private takeAtRest(item: Item, state: Resting): void {
    this.become(item, state);
    this.hooked.take(item.now, item.own.discarded, {
      troubled: telling(item),
      begun: ({ snapshotIds, ...more }) => {
        // What AWS's document made in the guest was found by its marks, not answered.
        const answered = this.hooked.isFound(item.now) ? [] : snapshotIds;
        this.begun(item, state, madeNow(snapshotIds.length, more), answered);
      },
      refused: (error) => this.refused(item, state, error),
    });
  }

  /** @param answered ids of its snapshots that a call was answered */
  private begun(item: Item, state: Starting | Resting, set: BegunSet, answered: readonly string[]): void {
    this.become(item, begin(state, set));
    for (const id of answered) item.own.recorded.add(id);
    this.heartbeat();
  }

  private refused(item: Item, state: Starting | Resting, error: unknown): void {
    this.become(item, this.starts.refused(item, state, error));
  }

  /** Where nothing else is left to wait for. */
  private handBack(): void {
    const { open } = this;
    if (!open.every(({ state }) => isMoving(state))) return;
    for (const item of open) if (isMoving(item.state)) this.become(item, handBack(item.state));
  }

  private async look(): Promise<void> {
    this.beat();
    for (const { item, marked } of await this.looks.look(this.items)) await this.told(item, marked);
  }

  /** What one unit meets is its own: what passes is met again at the next look, and the others go on. */
  private async told(item: Item, marked: readonly Snapshot[]): Promise<void> {
    try {
      const look = await setOf(this.ec2, item, marked);
      if (item.state.step === 'unsure') this.find(item, item.state, look);
      if (item.state.step === 'pending') this.become(item, await this.looks.judge(item, item.state, look));
    } catch (error) {
      if (Context.current().cancellationSignal.aborted) throw error;
      if (item.state.step !== 'over' && !passes(error))
        this.become(item, fail(item.state, failedItem(resourceOf(item), error)));
    }
  }

  private find(item: Item, state: Unsure, { set }: SetLook): void {
    this.become(item, this.looks.find(item, state, set));
    if (item.state.step !== 'settling') return;
    this.hooked.settle(item.now, set, {
      troubled: telling(item),
      doubted: (why) => this.whileSettling(item, (settling) => doubt(settling, why)),
      settled: () => this.whileSettling(item, settle),
    });
  }

  /** A look may have ended it meanwhile. */
  private whileSettling(item: Item, next: (state: Settling) => Protection): void {
    if (item.state.step === 'settling') this.become(item, next(item.state));
  }

  /** With a state change the room that the unit holds, the pace of the looks, and what the result says. */
  private become(item: Item, state: Protection): void {
    item.state = state;
    this.starts.follow(item);
    this.looks.follow(item);
    if (state.step === 'over') this.note(item, state.end);
  }

  private note({ now, problem }: Item, end: End): void {
    const { completed, failed, leftOut } = this.result;
    switch (end.as) {
      case 'completed':
        completed.push(end.point);
        failed.push(...together(problem, end.failure));
        return;
      case 'failed':
        failed.push(...together(end.failure, problem));
        return;
      case 'left out':
        leftOut.push(now.unit.resourceId);
        return;
      case 'handed back':
        this.result.unsettled = [...(this.result.unsettled ?? []), now.unit];
    }
  }

  /** Until there is something to do, and never so long that the server thinks this process is gone. */
  private async pause(): Promise<void> {
    this.beat();
    await this.room.look();
    if (this.open.length === 0) return;
    const next = Math.min(this.looks.nextAt(this.items), this.starts.nextAt(this.items));
    await sleep(Math.min(Math.max(0, next - now()), this.deps.settings.pollMs));
  }

  private beat(): void {
    this.heartbeat();
    Context.current().cancellationSignal.throwIfAborted();
  }

  private heartbeat(): void {
    heartbeatProgress(this.items, this.result.completed.length, this.room.waitingFor);
  }
}
