/** `size` calls at once, and `refillPerSecond` more every second. */
export interface Rate {
  size: number;
  refillPerSecond: number;
}

/** However often AWS throttles, this part of the rate stays: waiting for ever would hide the trouble. */
const SMALLEST_FACTOR = 0.05;

/** The whole rate is back this long after a single throttle has halved it. */
const RECOVERY_MS = 60_000;

/** Calls under way together are throttled together: that is one event. */
const ONE_EVENT_MS = 1_000;

/**
 * A token bucket that grants in order of asking: whoever asks is told how long to wait, and has the token then. It
 * halves its rate when AWS throttles, because others use the account too, and grows back steadily.
 */
export class TokenBucket {
  private tokens: number;
  private factor = 1;
  private filledAt: number;
  private throttledAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly rate: Rate,
    private readonly now: () => number,
  ) {
    this.tokens = this.size;
    this.filledAt = now();
  }

  /** Milliseconds until a token would be there, without taking it. */
  waitMs(): number {
    this.fill();
    const missing = 1 - this.tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / (this.rate.refillPerSecond * this.factor)) * 1000);
  }

  take(): void {
    this.fill();
    this.tokens -= 1;
  }

  /** Gives back a token that was taken and not used. */
  giveBack(): void {
    this.tokens = Math.min(this.size, this.tokens + 1);
  }

  /** AWS wants fewer calls: half the rate from now on, and nothing is left of the burst. */
  noteThrottle(): void {
    this.fill();
    if (this.now() - this.throttledAt < ONE_EVENT_MS) return;
    this.throttledAt = this.now();
    this.factor = Math.max(SMALLEST_FACTOR, this.factor / 2);
    this.tokens = Math.min(this.tokens, 0);
  }

  /** The part of the rate that is in use, 1 when AWS has been content for a while. */
  get currentFactor(): number {
    this.fill();
    return this.factor;
  }

  /** A bucket that holds less than one token would never grant any. */
  private get size(): number {
    return Math.max(1, this.rate.size * this.factor);
  }

  private fill(): void {
    const elapsedMs = Math.max(0, this.now() - this.filledAt);
    this.filledAt += elapsedMs;
    this.factor = Math.min(1, this.factor + elapsedMs / (2 * RECOVERY_MS));
    const earned = (elapsedMs / 1000) * this.rate.refillPerSecond * this.factor;
    this.tokens = Math.min(this.size, this.tokens + earned);
  }
}
