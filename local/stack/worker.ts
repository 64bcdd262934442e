import path from 'node:path';
import { PROGRAMS } from './paths';
import type { ManagedProcess, Supervisor } from './processes';

/** Starts the worker as its own process; it is there when it polls. */
export async function startWorker(
  supervisor: Supervisor,
  env: Record<string, string>,
  cwd: string,
): Promise<ManagedProcess> {
  const { process: worker } = await supervisor.start({
    name: 'worker',
    command: process.execPath,
    args: ['--enable-source-maps', path.join(PROGRAMS, 'src/worker.js')],
    env,
    cwd,
    ready: (line) => (line.includes('"worker ready"') ? true : undefined),
    readyWithinMs: 60_000,
  });
  return worker;
}
