import { spawn } from 'node:child_process';
import { progress } from './progress.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program to its end and resolves with what it printed; `showProgress` shows that it is still at it. The program
 * does not outlive this process. Rejects with `Error & { output, code }`.
 */
export function run(program, args, { cwd, env, showProgress = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const shown = showProgress ? progress() : undefined;
    const release = endingWith(child);
    let output = '';
    const onData = (data) => {
      output += data;
      shown?.note(lastNews(String(data)));
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    const end = (error) => {
      shown?.end();
      release();
      if (error) reject(Object.assign(error, { output }));
      else resolve(output);
    };
    child.once('error', end);
    child.once('close', (code) =>
      end(code === 0 ? undefined : Object.assign(new Error(`${program} ended with ${code}`), { code })),
    );
  });
}

/** npm's warnings about somebody's own settings tell nobody how far it is. */
function lastNews(text) {
  return text.split('\n').findLast((line) => line.trim() && !line.startsWith('npm warn')) ?? '';
}

function endingWith(child) {
  const stop = () => child.kill('SIGTERM');
  const onSignal = () => {
    stop();
    process.exit(130);
  };
  process.once('exit', stop);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return () => {
    process.removeListener('exit', stop);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
}

/** The line of a program's output that says most about its failure. */
export function tellingLine(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !/complete log of this run|^npm error (code|errno|syscall|type)\b/i.test(line));
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}
