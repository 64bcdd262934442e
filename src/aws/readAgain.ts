import { setTimeout as timer } from 'node:timers/promises';

/** Pauses before the second and the third try of a read, in milliseconds; about that, so that many do not come back together. */
const PAUSES_MS = [200, 800];

/** Actions that change nothing, by AWS's own names for them. */
export function isPlainRead(action: string): boolean {
  return /^(Describe|Get|List|Lookup|Search)/.test(action);
}

interface Again {
  /** Of an error: whether it is AWS's or the network's, and passes by itself. */
  passes: (error: unknown) => boolean;
  /** From the first try on; what takes longer is Temporal's business. */
  withinMs: number;
  signal?: AbortSignal;
}

/**
 * Asks a few times, in place: a single 500 need not end an activity of forty calls, whose next attempt would make all of them
 * again. A read twice is a read; whatever changes something is never called so (docs/adr/0003).
 */
export async function readAgain<Answer>(
  ask: () => Promise<Answer>,
  { passes, withinMs, signal }: Again,
): Promise<Answer> {
  const begun = performance.now();
  for (const pauseMs of PAUSES_MS) {
    try {
      return await ask();
    } catch (error) {
      const jittered = pauseMs * (0.5 + Math.random());
      if (!passes(error) || performance.now() - begun + jittered > withinMs) throw error;
      await timer(jittered, undefined, { signal });
    }
  }
  return ask();
}
