/** npm run aws: the local AWS alone. Options go through to it: `npm run aws -- --help`. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { withoutForeign } from './stack/environment';
import { awsServerArguments } from './stack/localAws';
import { pythonProgram } from './stack/paths';

const server = spawn(
  pythonProgram('python'),
  awsServerArguments(['--exit-with-parent', ...process.argv.slice(2)]),
  { stdio: 'inherit', env: withoutForeign(process.env) },
);

// A terminal's Ctrl-C reaches the server by itself; other signals reach only us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => server.kill('SIGTERM'));

server.once('error', (error) => {
  process.stderr.write(`the local AWS cannot be started: ${error.message}\n`);
  process.exit(1);
});
server.once('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
