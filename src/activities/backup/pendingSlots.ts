import { now as nowByWaits } from '../support/pace/waits';

/** EBS lets an account have this many pending snapshots in a region: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
const PENDING_AT_ONCE = 100;

/**
 * The pending snapshots of one account and region, as this process knows them: it starts no more than EBS takes.
 * Others use the account too: when EBS refuses although there should be room, the room is what was taken at that
 * moment, for a while.
 */
export class PendingSlots {
  /** How much each has, by whatever is one for one set. */
  private readonly takers = new Map<object, number>();
  private taken = 0;
  private room = PENDING_AT_ONCE;
  private refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    /** How long a refusal counts, in milliseconds. */
    private readonly forgetMs: number,
    private readonly now: () => number = nowByWaits,
  ) {}

  /** A set that is larger than the whole room goes alone. */
  tryTake(who: object, count: number): boolean {
    if (this.now() - this.refusedAt > this.forgetMs) this.room = PENDING_AT_ONCE;
    if (this.taken > 0 && this.taken + count > this.room) return false;
    this.hold(who, count);
    return true;
  }

  /** What is pending already, asked or not; nothing more for one that has its room. */
  hold(who: object, count: number): void {
    if (this.takers.has(who)) return;
    this.takers.set(who, count);
    this.taken += count;
  }

  /** Whatever it has. */
  giveBack(who: object): void {
    this.taken -= this.takers.get(who) ?? 0;
    this.takers.delete(who);
  }

  noteRefusal(): void {
    this.refusedAt = this.now();
    this.room = Math.max(1, Math.min(this.room, this.taken));
  }
}
