// npm run build: what `npm start` builds, without installing anything.
import { build } from './setup/build.mjs';
import { locked } from './setup/lock.mjs';
import { runMain } from './setup/say.mjs';

await runMain(() => locked(build));
