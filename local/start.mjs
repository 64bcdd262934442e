// npm start, npm run stack, npm run aws, npm run worker: set up what is missing, then run the compiled program.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DIST } from './setup/paths.mjs';
import { CannotGoOn, runMain } from './setup/say.mjs';
import { setUp } from './setup.mjs';

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
  await setUp();
  process.argv = [process.argv[0], join(DIST, program), ...args];
  createRequire(import.meta.url)(join(DIST, program));
});
