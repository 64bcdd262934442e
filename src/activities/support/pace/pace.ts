import { now as nowByWaits } from './waits';

/** How much a new observation counts for the usual duration. */
const WEIGHT = 0.3;
/** Looks at most in the time that one usually takes. */
const USUAL_LOOKS = 6;
/** While nothing is known of what they take: of the time that has passed since the first began, when to look next. */
const UNKNOWN_GROWTH = 1.3;
/** Longest pause between two looks, in polls. */
const LONGEST_PAUSE = 12;

interface Watched {
  startedAt: number;
  seenPendingAt: number;
}

/**
 * When to look again at snapshots or copies that are under way in one place: when a quarter of them should be complete,
 * by what earlier ones took. Looking every few seconds would cost more calls than all the rest.
 */
export class Pace {
  private readonly watched = new Map<string, Watched>();
  private usualMs: number | undefined;

  constructor(
    private readonly pollMs: number,
    private readonly looks = USUAL_LOOKS,
    private readonly now: () => number = nowByWaits,
  ) {}

  /** From when this process knows of it. */
  recordStart(id: string): void {
    if (!this.watched.has(id)) this.watched.set(id, { startedAt: this.now(), seenPendingAt: this.now() });
  }

  recordPending(id: string): void {
    this.recordStart(id);
    const watched = this.watched.get(id);
    if (watched) watched.seenPendingAt = this.now();
  }

  /** It completed some time after it was last seen pending: in the middle, as far as anybody knows. */
  recordCompletion(id: string): void {
    const watched = this.watched.get(id);
    if (!watched || !this.watched.delete(id)) return;
    const tookMs = (this.now() + watched.seenPendingAt) / 2 - watched.startedAt;
    this.usualMs = this.usualMs === undefined ? tookMs : this.usualMs + WEIGHT * (tookMs - this.usualMs);
  }

  forget(id: string): void {
    this.watched.delete(id);
  }

  /** The time of the next look at these, after one at `lookedAt`. */
  nextLook(ids: readonly string[], lookedAt: number): number {
    const startedAt = ids.map((id) => this.watched.get(id)?.startedAt ?? lookedAt).sort((a, b) => a - b);
    const passedMs = lookedAt - (startedAt[0] ?? lookedAt);
    const usual = this.usualMs ?? Math.max(2 * this.pollMs, passedMs * UNKNOWN_GROWTH);
    const expected = startedAt.map((at) => at + usual);
    const quarter = expected[Math.ceil(expected.length / 4) - 1] ?? Infinity;
    const soonest = lookedAt + Math.max(this.pollMs, usual / this.looks);
    return Math.min(Math.max(quarter, soonest), lookedAt + LONGEST_PAUSE * this.pollMs);
  }
}
