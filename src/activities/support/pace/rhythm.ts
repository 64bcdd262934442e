import { Context } from '@temporalio/activity';
import { now, sleep } from './waits';

/** The shortest of so many that came last says when it is worth looking. */
const REMEMBERED = 8;
/** Of the time that has passed: so much later than it is over, at most, a wait is noticed to be over. */
const PRECISION = 0.12;
/** In polls. */
const LONGEST_PAUSE = 12;
/** In polls; `UNHURRIED` where no machine is down meanwhile. */
const TICK = 1 / 5;
const UNHURRIED_TICK = 2;
/** One that was over at the first look may have been for long: the next is looked at earlier. */
const EARLIER = 0.8;

/**
 * When to look at something that takes about as long for every machine: not before the shortest time that it has
 * taken of late, then at intervals that grow with the time that has passed. Looks fall on ticks that all waits of a
 * process have in common, so that one call serves whoever looks at that time (src/activities/support/sharedReads.ts).
 */
export class LookRhythm {
  private readonly took: number[];

  /** @param typicalPolls until it is worth looking, while nothing is known */
  constructor(
    private readonly pollMs: number,
    typicalPolls: number,
    private readonly unhurried = false,
  ) {
    this.took = [typicalPolls * pollMs];
  }

  /** The time of the first look at what began just now. */
  firstLook(now: number): number {
    const soonest = Math.min(...this.took);
    const step = this.step(soonest);
    return Math.ceil((now + soonest) / step) * step;
  }

  nextLook(now: number, startedAt: number): number {
    const step = this.step(now - startedAt);
    return (Math.floor(now / step) + 1) * step;
  }

  /** @param pendingMs after the start it was last seen unfinished, if it was */
  recordFinish(overMs: number, pendingMs: number | undefined): void {
    this.took.push(pendingMs ?? overMs * EARLIER);
    if (this.took.length > REMEMBERED) this.took.shift();
  }

  /** A tick, doubled for as long as that is precise enough: machines that began at different times come to share. */
  private step(passedMs: number): number {
    const tick = this.pollMs * (this.unhurried ? UNHURRIED_TICK : TICK);
    const wanted = Math.min(Math.max(tick, passedMs * PRECISION), LONGEST_PAUSE * this.pollMs);
    return tick * 2 ** Math.round(Math.log2(wanted / tick));
  }
}

/**
 * Looks until it is there. A retry looks at once: what it waits for may have come about while nobody looked.
 *
 * @param waitingFor goes with each heartbeat, for people
 */
export async function lookUntil(
  rhythm: LookRhythm,
  pollMs: number,
  isThere: () => Promise<boolean>,
  waitingFor: () => object,
): Promise<void> {
  const startedAt = now();
  const isRetry = Context.current().info.attempt > 1;
  let pendingMs: number | undefined;
  for (let at = isRetry ? startedAt : rhythm.firstLook(startedAt); ;) {
    for (;;) {
      Context.current().heartbeat(waitingFor());
      const leftMs = at - now();
      if (leftMs <= 0) break;
      await sleep(Math.min(leftMs, pollMs));
    }
    const lookedAt = now();
    if (await isThere()) {
      if (!isRetry) rhythm.recordFinish(lookedAt - startedAt, pendingMs);
      return;
    }
    pendingMs = lookedAt - startedAt;
    at = rhythm.nextLook(lookedAt, startedAt);
  }
}
