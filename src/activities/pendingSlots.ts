import { targetKey, type Target } from '../model/target';

/** EBS lets an account have this many pending snapshots in a region: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html */
const PENDING_AT_ONCE = 100;

/** How much a new observation counts for the usual duration. */
const WEIGHT = 0.3;

/**
 * The pending snapshots of one account and region, as this process knows them: it starts no more than EBS takes, and
 * learns how long they usually last, so that nobody asks in vain. Others use the account too: when EBS refuses
 * although there should be room, the room is what was taken at that moment, for a while.
 */
export class PendingSlots {
  private taken = 0;
  private room = PENDING_AT_ONCE;
  private refusedAt = Number.NEGATIVE_INFINITY;
  private usual: number | undefined;

  constructor(
    private readonly now: () => number,
    /** How long a refusal counts, in milliseconds. */
    private readonly forgetMs: number,
  ) {}

  /** A set that is larger than the whole room goes alone. */
  tryTake(count: number): boolean {
    if (this.now() - this.refusedAt > this.forgetMs) this.room = PENDING_AT_ONCE;
    if (this.taken > 0 && this.taken + count > this.room) return false;
    this.taken += count;
    return true;
  }

  /** What is pending already, asked or not. */
  take(count: number): void {
    this.taken += count;
  }

  free(count: number): void {
    this.taken -= count;
  }

  refused(): void {
    this.refusedAt = this.now();
    this.room = Math.max(1, Math.min(this.room, this.taken));
  }

  /** Snapshots here were seen to last about so long, in milliseconds. */
  lasted(ms: number): void {
    this.usual = this.usual === undefined ? ms : this.usual + WEIGHT * (ms - this.usual);
  }

  /** Undefined until one has been seen to complete. */
  get usualMs(): number | undefined {
    return this.usual;
  }
}

/** One for each place: what several runs in this process share. */
export class PendingSlotsByPlace {
  private readonly places = new Map<string, PendingSlots>();

  constructor(
    private readonly now: () => number,
    private readonly forgetMs: number,
  ) {}

  of(target: Target): PendingSlots {
    const key = targetKey(target);
    const slots = this.places.get(key) ?? new PendingSlots(this.now, this.forgetMs);
    this.places.set(key, slots);
    return slots;
  }
}
