import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import type { FailedItem } from '../../model/outcome';
import { byPlace } from '../support/pace/byPlace';
import type { ActivityDeps } from '../support/deps';
import { failedItem, passes } from '../support/failedItem';
import { HookedUnits } from './hookedUnits';
import { HookFailed } from './hooks';
import {
  adopted,
  again,
  gone,
  isUnsureAndDue,
  late,
  newItem,
  pointOf,
  resourceOf,
  together,
  unseen,
  type Item,
  type ProtectedUnits,
  type ProtectRequest,
} from './items';
import { isMoving, mayMove, neverSettled, onlyMoving, patienceEnds } from './movingUnits';
import { nextLook, nextStep } from './nextLooks';
import { Pace } from '../support/pace/pace';
import { PendingSlots } from './pendingSlots';
import { Room } from './room';
import { discardBroken } from './brokenSets';
import { heartbeat, record, recordedBefore, setOf } from './ownSets';
import { markedFor } from '../points/recoveryPoints';
import { hasNothing, SetMaker } from './snapshotSets';
import { now, sleep } from '../support/pace/waits';
import { LAGS_UNTIL_GONE } from '../support/gone';
import { patienceWith } from '../support/patience';

/** A unit that fails so often for no known reason is reported. */
const PATIENT_ATTEMPTS = 6;
/** A call takes up to a second; one after the other they would be slower than EC2's rate. */
const STARTS_AT_ONCE = 5;
/** Between looks at what is starting or stopping. */
const MOVING_POLLS = 3;
/** How long a refusal for want of room counts, in polls; and when a guest is frozen again after one. */
const REFUSAL_COUNTS = 12;
/** How long a late unit waits for room at least, in polls: ten minutes, of which a snapshot takes two. */
const LATE_UNITS_WAIT = 120;

export function protectionActivities(deps: ActivityDeps) {
  const { pollMs } = deps.settings;
  const slots = byPlace(() => new PendingSlots(REFUSAL_COUNTS * pollMs));
  const paces = byPlace(() => new Pace(pollMs));
  return {
    /**
     * Gives every unit a completed snapshot set, exactly once a slot, as fast as EBS's limits allow: at most a hundred
     * snapshots of an account and region are pending at a time. Starting and awaiting are one activity, because each
     * completed snapshot is room for the next; nothing depends on its memory, for a set is found by its tag.
     */
    async protectUnits(request: ProtectRequest): Promise<ProtectedUnits> {
      const { target } = request;
      const ec2 = deps.aws.ec2(target, 'backup');
      return new Protection(deps, ec2, request, slots(target), paces(target)).run();
    },
  };
}

class Protection {
  private readonly maker: SetMaker;
  private readonly hooked: HookedUnits;
  private readonly room: Room;
  private readonly result: ProtectedUnits = { completed: [], failed: [], leftOut: [] };
  private items: Item[] = [];
  private lookedAt = 0;

  constructor(
    private readonly deps: ActivityDeps,
    private readonly ec2: EC2Client,
    private readonly request: ProtectRequest,
    private readonly slots: PendingSlots,
    private readonly pace: Pace,
  ) {
    this.maker = new SetMaker(deps, ec2, request);
    this.hooked = new HookedUnits(deps, ec2, request, this.maker);
    this.room = new Room(ec2, request.dueMs, LATE_UNITS_WAIT * deps.settings.pollMs);
  }

  async run(): Promise<ProtectedUnits> {
    try {
      await this.begin();
      while (this.open.length > 0) {
        await this.startAll();
        if (this.request.handBack) this.handBack();
        await this.pause();
        if (this.lookAt <= now()) await this.look();
      }
      return this.result;
    } finally {
      await this.hooked.drained(() => this.heartbeat());
      for (const item of this.items) {
        this.slots.giveBack(item);
        this.pace.forget(item.now.recoveryPointId);
      }
    }
  }

  private get open(): Item[] {
    return this.items.filter(({ state }) => state !== 'over');
  }

  /** What an earlier run of the slot, or an earlier attempt of this activity, made is found and not made again. */
  private async begin(): Promise<void> {
    const { units } = this.request;
    const isRetry = Context.current().info.attempt > 1;
    const before = recordedBefore();
    this.items = (await this.maker.look(units)).map((now) => newItem(now, isRetry, before));
    for (const item of this.items.filter(({ now }) => hasNothing(now))) {
      this.result.leftOut.push(item.now.unit.resourceId);
      item.state = 'over';
    }
    if (isRetry) {
      await this.hooked.settleAll(this.open, () => this.beat());
      await sleep(this.deps.settings.readLagMs);
    }
    await this.look();
  }

  /** Each in its turn; one that has no room waits for the others. */
  private async startAll(): Promise<void> {
    for (;;) {
      this.beat();
      const next = this.startable();
      if (next.length === 0) return;
      await Promise.all(next.map((item) => this.start(item)));
      // While this goes on, sets complete and make room.
      if (this.lookAt <= now()) await this.look();
    }
  }

  private startable(): Item[] {
    const next: Item[] = [];
    for (const item of this.items) {
      if (next.length === STARTS_AT_ONCE) break;
      if (item.state !== 'waiting' || item.nextAt > now()) continue;
      if (this.hooked.canStart(item) && this.slots.tryTake(item, item.now.volumes.length)) next.push(item);
    }
    return next;
  }

  private async start(item: Item): Promise<void> {
    try {
      if (await isMoving(this.ec2, item)) return this.waitFor(item);
    } catch (error) {
      return this.refused(item, error);
    }
    if (this.hooked.has(item)) {
      this.hooked.take(
        item,
        (snapshots) => this.begun(item, snapshots),
        (error) => this.refused(item, error),
      );
      return;
    }
    try {
      const manifest = await this.maker.manifest(item.now);
      this.begun(item, await this.maker.create(item.now, { manifest }));
    } catch (error) {
      this.refused(item, error);
    }
  }

  private begun(item: Item, snapshots: readonly Snapshot[]): void {
    this.room.taken(item);
    item.state = 'pending';
    item.created = true;
    item.seenAt = now();
    this.pace.started(item.now.recoveryPointId);
    item.size = snapshots.length;
    // What AWS's document made in the guest was found by its marks, not answered.
    if (!this.hooked.isFound(item)) record(item, snapshots);
    this.heartbeat();
  }

  /** Until it is running or stopped. */
  private waitFor(item: Item): void {
    this.slots.giveBack(item);
    item.movingSince ??= now();
    if (now() >= patienceEnds(item, this.request.dueMs)) return this.fail(item, neverSettled(item));
    again(item, MOVING_POLLS * this.deps.settings.pollMs);
  }

  private handBack(): void {
    for (const item of onlyMoving(this.open)) {
      this.end(item);
      this.result.unsettled = [...(this.result.unsettled ?? []), item.now.unit];
    }
  }

  /** What passes with time is tried again: pending snapshots and API calls have limits, and a big fleet is always at them. */
  private refused(item: Item, error: unknown): void {
    this.slots.giveBack(item);
    if (error instanceof HookFailed) return this.fail(item, error.item);
    if (mayMove(item, error)) return this.waitFor(item);
    const { pollMs, readLagMs } = this.deps.settings;
    const answer = patienceWith(error);
    // To freeze a guest every few seconds would be worse than a later point.
    item.nextAt = now() + (this.hooked.has(item) ? REFUSAL_COUNTS : 1) * pollMs;
    if (answer === 'give up') return this.fail(item, failedItem(resourceOf(item), error));
    const spent = answer === 'unsure' ? undefined : this.room.refused(item, error);
    if (spent) this.fail(item, spent);
    else if (answer === 'no room') this.slots.refused();
    else if (answer === 'no room on the volume') item.nextAt = Math.max(item.nextAt, now() + 3 * pollMs);
    else if (answer === 'unsure') {
      item.failures += 1;
      if (item.failures >= PATIENT_ATTEMPTS) this.fail(item, failedItem(resourceOf(item), error));
      else Object.assign(item, { state: 'unsure', looks: 2, nextAt: now() + readLagMs });
    }
  }

  /** One Describe serves all that is under way. */
  private async look(): Promise<void> {
    this.beat();
    const asked = this.items.filter((item) => item.state === 'pending' || isUnsureAndDue(item));
    this.lookedAt = now();
    if (asked.length === 0) return;
    const found = await markedFor(
      this.ec2,
      asked.map(({ now }) => now.recoveryPointId),
    );
    for (const item of asked) await this.lookAtOne(item, found.get(item.now.recoveryPointId) ?? []);
  }

  /** What one unit meets is its own: what passes is met again at the next look, and the others go on. */
  private async lookAtOne(item: Item, marked: readonly Snapshot[]): Promise<void> {
    try {
      const snapshots = await setOf(this.ec2, item, marked);
      if (item.state === 'unsure' && !this.adopt(item, snapshots)) return;
      await this.judge(item, snapshots);
    } catch (error) {
      if (Context.current().cancellationSignal.aborted) throw error;
      if (!passes(error)) this.fail(item, failedItem(resourceOf(item), error));
    }
  }

  /** A set that is there is this unit's, whoever made it. False when there is none. */
  private adopt(item: Item, snapshots: readonly Snapshot[]): boolean {
    if (snapshots.length === 0) {
      unseen(item, this.deps.settings.readLagMs);
      return false;
    }
    if (this.hooked.isUnjudged(item, snapshots)) {
      again(item, 0);
      return false;
    }
    this.hooked.settle(item, snapshots);
    adopted(item, snapshots, this.request.runId);
    this.pace.started(item.now.recoveryPointId);
    this.slots.take(item, item.size);
    return true;
  }

  private async judge(item: Item, snapshots: readonly Snapshot[]): Promise<void> {
    if (item.isSettling) return;
    const broken = snapshots.find(({ State }) => State === 'error');
    if (broken) return this.makeAgain(item, snapshots, broken);
    if (new Set(snapshots.map(({ VolumeId }) => VolumeId)).size < item.size) {
      if (now() - item.seenAt > LAGS_UNTIL_GONE * this.deps.settings.readLagMs) this.fail(item, gone(item));
      return;
    }
    item.seenAt = now();
    if (snapshots.every(({ State }) => State === 'completed')) this.completed(item, snapshots);
    else this.pace.seenPending(item.now.recoveryPointId);
  }

  private completed(item: Item, snapshots: readonly Snapshot[]): void {
    this.pace.completed(item.now.recoveryPointId);
    this.end(item);
    this.result.completed.push(pointOf(item, snapshots));
    const lateMs = now() - this.request.dueMs;
    const isLate = item.created && lateMs > 0;
    this.result.failed.push(...together([item.problem, isLate ? late(item, lateMs) : undefined]));
    this.slots.giveBack(item);
  }

  private async makeAgain(item: Item, snapshots: readonly Snapshot[], broken: Snapshot): Promise<void> {
    const failure = await discardBroken(this.ec2, item, snapshots, broken, now() > this.request.dueMs);
    if (failure) return this.fail(item, failure);
    this.slots.giveBack(item);
    this.pace.forget(item.now.recoveryPointId);
    again(item, this.deps.settings.pollMs);
  }

  private get lookAt(): number {
    return nextLook(this.items, this.pace, this.lookedAt);
  }

  /** Until there is something to do, and never so long that the server thinks this process is gone. */
  private async pause(): Promise<void> {
    this.beat();
    await this.room.look();
    if (this.open.length === 0) return;
    const next = nextStep(this.items, this.lookAt, this.deps.settings.pollMs);
    await sleep(Math.max(0, next - now()));
  }

  private beat(): void {
    this.heartbeat();
    Context.current().cancellationSignal.throwIfAborted();
  }

  private heartbeat(): void {
    heartbeat(this.open.length, this.result.completed.length, this.items, this.room.waitingFor);
  }

  private fail(item: Item, failure: FailedItem): void {
    this.end(item);
    this.slots.giveBack(item);
    this.result.failed.push(...together([failure, item.problem]));
  }

  private end(item: Item): void {
    item.state = 'over';
    this.pace.forget(item.now.recoveryPointId);
  }
}
