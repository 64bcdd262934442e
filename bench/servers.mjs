// The local AWS, and plain moto beside it, as processes on free ports.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(ROOT, '.holdfast/python/bin', name);

export const SERVERS = {
  'local AWS': [bin('python'), [join(ROOT, 'local/aws/server.py'), '--port', '0', '--speed', 'instant']],
  'plain moto': [bin('moto_server'), ['-p', '0']],
};

/** Resolves with the endpoint once the server listens. */
export async function startServer([command, args]) {
  const env = { ...process.env, MOTO_EC2_LOAD_DEFAULT_AMIS: 'false' };
  const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  server.once('exit', () => process.off('exit', kill));
  const endpoint = await new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
    for (const stream of [server.stdout, server.stderr]) {
      // Reading goes on: a full pipe would block the server.
      createInterface({ input: stream }).on('line', (line) => {
        const found = /http:\/\/[\d.]+:\d+/.exec(line)?.[0];
        if (found) resolve(found);
      });
    }
  });
  return { endpoint, pid: server.pid, stop: kill };
}

/** Resident memory in MiB; Linux only. */
export function memoryOf(pid) {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1024);
}
