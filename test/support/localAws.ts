import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pythonProgram, ROOT } from './paths';

const STARTS_WITHIN_MS = 60_000;

export interface LocalAws {
  endpoint: string;
  process: ChildProcess;
}

/** Starts a local AWS on a free port; it ends with this process at the latest. */
export async function startLocalAws(options: string[] = []): Promise<LocalAws> {
  const child = launch(options);
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  child.once('exit', () => process.removeListener('exit', stop));
  return { endpoint: await endpointOf(child), process: child };
}

function launch(options: string[]): ChildProcess {
  const server = path.join(ROOT, 'local/aws/server.py');
  const args = [server, '--port', '0', '--speed', '5000', '--exit-with-parent', ...options];
  return spawn(pythonProgram('python'), args, { stdio: ['pipe', 'pipe', 'pipe'] });
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const timer = setTimeout(() => giveUp('did not say where it listens in time'), STARTS_WITHIN_MS);
    const giveUp = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`the local AWS ${why}:\n${said.join('\n')}`));
    };
    child.once('error', (error) => giveUp(error.message));
    child.once('exit', (code) => giveUp(`exited with ${code}`));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      // Reading goes on after the address is known: a full pipe would block the server.
      createInterface({ input: stream }).on('line', (line) => {
        if (said.length < 50) said.push(line);
        const endpoint = /(?:AWS_ENDPOINT_URL=|Running on )(http:\/\/[^\s]+)/.exec(line)?.[1];
        if (!endpoint) return;
        clearTimeout(timer);
        child.removeAllListeners('exit');
        resolve(endpoint.replace(/\/$/, ''));
      });
    }
  });
}
