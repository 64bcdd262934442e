import path from 'node:path';
import { withoutForeign } from './environment';
import { ROOT, pythonProgram } from './paths';
import type { Port } from './ports';
import type { Supervisor } from './processes';

/** How many seconds of AWS pass in one of ours: minutes of copying become a few seconds. */
export const AWS_SPEED = 600;

export const USUAL_AWS_PORT = 5000;

export function awsServerArguments(options: readonly string[]): string[] {
  return [path.join(ROOT, 'local/aws/server.py'), ...options];
}

export async function startLocalAws(supervisor: Supervisor, { port }: Port): Promise<string> {
  const options = ['--port', String(port), '--speed', String(AWS_SPEED), '--exit-with-parent'];
  const { ready } = await supervisor.start({
    name: 'local AWS',
    command: pythonProgram('python'),
    args: awsServerArguments(options),
    env: withoutForeign(process.env),
    ready: (line) => /^AWS_ENDPOINT_URL=(\S+)$/.exec(line)?.[1],
    readyWithinMs: 60_000,
  });
  return ready;
}
