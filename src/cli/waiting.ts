/** How long a command may be silent where nobody watches a line change. */
const SILENT_MS = 15_000;
const TICK_MS = 1_000;

/** Where progress goes: not stdout, which is for the result. */
interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Says what is waited for, and for how long already: on a terminal in one line that goes away again, elsewhere in one that stays,
 * once it has taken a while.
 */
export async function saying<Result>(
  what: string,
  work: () => Promise<Result>,
  screen: Screen = process.stderr,
): Promise<Result> {
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const show = () => screen.write(`\r\u001B[K${what} … ${seconds()} s`);
  const say = () => screen.write(`holdfast: still ${what} after ${seconds()} s\n`);
  const timer = screen.isTTY ? setInterval(show, TICK_MS) : setInterval(say, SILENT_MS);
  try {
    if (screen.isTTY) show();
    return await work();
  } finally {
    clearInterval(timer);
    if (screen.isTTY) screen.write('\r\u001B[K');
  }
}
