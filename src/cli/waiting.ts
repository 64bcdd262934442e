import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../client';
import type { ProgressPage } from '../model/progress';
import { EXIT } from './refusal';

/** How long a command may be silent where nobody watches a line change. */
const SILENT_MS = 15_000;
const TICK_MS = 1_000;

const CLEAR = '\r\u001B[K';
/** A line that a terminal would break could not be taken back. */
const WIDTH = 100;

/** Where progress goes: not stdout, which is for the result. */
interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Says what is waited for, and for how long already: on a terminal in one line that goes away again, elsewhere in one that stays,
 * once it has taken a while.
 */
export async function sayDuring<Result>(
  what: string | (() => string),
  work: () => Promise<Result>,
  screen: Screen = process.stderr,
): Promise<Result> {
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const now = () => (typeof what === 'string' ? what : what());
  const show = () => screen.write(`${CLEAR}${now().slice(0, WIDTH)} … ${seconds()} s`);
  const say = () => screen.write(`holdfast: still ${now()} after ${seconds()} s\n`);
  const timer = screen.isTTY ? setInterval(show, TICK_MS) : setInterval(say, SILENT_MS);
  try {
    if (screen.isTTY) show();
    return await work();
  } finally {
    clearInterval(timer);
    if (screen.isTTY) screen.write(CLEAR);
  }
}

/**
 * Waits for an operation's result, and shows on a terminal its phase, what is how far, and since when; elsewhere it says when somebody is
 * waited for. Ctrl-C stops the watching alone, and says so: what was started goes on.
 */
export async function watching<Result>(
  operation: Operation<Result>,
  status: string,
  screen: Screen = process.stderr,
): Promise<Result> {
  const stop = () => {
    screen.write(
      `${screen.isTTY ? CLEAR : ''}holdfast: stopped watching; ${operation.workflowId} goes on. How it goes: ${status}\n`,
    );
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', stop);
  const result = operation.result();
  const asking = new AbortController();
  let told = 'waiting for a worker';
  void ask(operation, screen.isTTY ? TICK_MS * 2 : SILENT_MS, asking.signal, (page) => {
    const line = progressLine(page);
    if (!screen.isTTY && page.waitsFor && line !== told)
      screen.write(`holdfast: ${operation.workflowId}: ${line}\n`);
    told = line;
  });
  try {
    return await (screen.isTTY
      ? sayDuring(
          () => told,
          () => result,
          screen,
        )
      : result);
  } finally {
    asking.abort();
    process.removeListener('SIGINT', stop);
  }
}

/** A worker looks at its whole state for every answer: not more often than somebody reads it. */
async function ask(
  operation: Operation,
  everyMs: number,
  signal: AbortSignal,
  tell: (page: ProgressPage) => void,
): Promise<void> {
  while (!signal.aborted) {
    // A line that is late is no reason to fail.
    const page = await operation.progress().catch(() => undefined);
    if (page && !signal.aborted) tell(page);
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

export function progressLine({ phase, counts, waitsFor }: ProgressPage): string {
  const states = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  const [waits] = (waitsFor ?? '').split('\n');
  return [phase, ...states, ...(waits ? [waits] : [])].join(' · ');
}
