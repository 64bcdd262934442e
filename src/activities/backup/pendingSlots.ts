import { now as nowByWaits } from '../support/pace/waits';

/** EBS lets an account have this many pending snapshots in a region: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
const PENDING_AT_ONCE = 100;

/** Who has room, and how much. */
interface Taker {
  takes: number;
}

/**
 * The pending snapshots of one account and region, as this process knows them: it starts no more than EBS takes.
 * Others use the account too: when EBS refuses although there should be room, the room is what was taken at that
 * moment, for a while.
 */
export class PendingSlots {
  private taken = 0;
  private room = PENDING_AT_ONCE;
  private refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    /** How long a refusal counts, in milliseconds. */
    private readonly forgetMs: number,
    private readonly now: () => number = nowByWaits,
  ) {}

  /** A set that is larger than the whole room goes alone. */
  tryTake(who: Taker, count: number): boolean {
    if (this.now() - this.refusedAt > this.forgetMs) this.room = PENDING_AT_ONCE;
    if (this.taken > 0 && this.taken + count > this.room) return false;
    this.take(who, count);
    return true;
  }

  /** What is pending already, asked or not. */
  take(who: Taker, count: number): void {
    this.taken += count;
    who.takes = count;
  }

  /** Whatever it has. */
  giveBack(who: Taker): void {
    this.taken -= who.takes;
    who.takes = 0;
  }

  refused(): void {
    this.refusedAt = this.now();
    this.room = Math.max(1, Math.min(this.room, this.taken));
  }
}
