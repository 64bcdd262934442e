import { spawn } from 'node:child_process';

/**
 * Runs a program to its end and resolves with what it printed; long silences are filled with dots on a terminal.
 * Rejects with `Error & { output, code }`.
 */
export function run(program, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const dots = process.stdout.isTTY ? setInterval(() => process.stdout.write('.'), 2000) : undefined;
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    const end = (error) => {
      if (dots) {
        clearInterval(dots);
        process.stdout.write('\r\x1b[K');
      }
      if (error) reject(Object.assign(error, { output }));
      else resolve(output);
    };
    child.once('error', end);
    child.once('close', (code) =>
      end(code === 0 ? undefined : Object.assign(new Error(`${program} ended with ${code}`), { code })),
    );
  });
}

/** The line of a program's output that says most about its failure. */
export function lastLine(output) {
  const lines = output.split('\n').map((line) => line.trim()).filter(Boolean);
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}
