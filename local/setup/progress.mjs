const QUIET_LINE_EVERY_MS = 15_000;

/**
 * Shows that a long step goes on: on a terminal one line that counts the seconds, elsewhere a line now and then.
 * `note` replaces what stands behind the seconds.
 */
export function progress(out = process.stdout) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  let text = '';
  const draw = () =>
    out.write(`\r\x1b[K  ${seconds()} s  ${text.slice(0, Math.max(20, (out.columns ?? 80) - 12))}`);
  const tell = () => out.write(`  still at it after ${seconds()} s${text && `: ${text}`}\n`);
  const timer = out.isTTY ? setInterval(draw, 500) : setInterval(tell, QUIET_LINE_EVERY_MS);
  return {
    note: (line) => (text = line.trim() || text),
    end: () => {
      clearInterval(timer);
      if (out.isTTY) out.write('\r\x1b[K');
    },
  };
}
