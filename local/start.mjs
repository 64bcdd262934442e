// npm start, npm run stack, npm run aws, npm run worker: set up what is missing, then run the compiled program.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DIST } from './setup/paths.mjs';
import { CannotGoOn, runMain, say } from './setup/say.mjs';
import { setUp } from './setup.mjs';

const USAGE = {
  start: `npm start [-- --once]

Brings up Temporal, the local AWS, a worker and a seeded fleet, plays the labs, and stays up until Ctrl-C.

  --once  exits after the summary: 0 when every check held`,
  stack: `npm run stack

Brings up Temporal, the local AWS, a worker and a seeded fleet, for you to play with; stays up until Ctrl-C. It takes no options:
a usual port that is taken is replaced by a free one, and .holdfast/stack.json tells where everything is.`,
  worker: `npm run worker

Runs one worker until Ctrl-C. It takes no options: settings are environment variables, see docs/reference/configuration.md.`,
};

const PROGRAMS = {
  start: 'local/start.js',
  stack: 'local/stack.js',
  aws: 'local/aws.js',
  worker: 'src/worker.js',
};

await runMain(async () => {
  const [name = 'start', ...args] = process.argv.slice(2);
  const program = PROGRAMS[name];
  if (!program)
    throw new CannotGoOn(`there is no program ${name}; there are ${Object.keys(PROGRAMS).join(', ')}`);
  // The local AWS has options, and a help, of its own.
  const usage = USAGE[name];
  if (usage && args.some((arg) => ['--help', '-h', 'help'].includes(arg))) return say(`Usage: ${usage}`);
  if (name === 'worker' && args.length > 0)
    throw new CannotGoOn(`the worker takes no options, but was given ${args.join(' ')}; usage: ${usage}`);
  await setUp();
  process.argv = [process.argv[0], join(DIST, program), ...args];
  createRequire(import.meta.url)(join(DIST, program));
});
