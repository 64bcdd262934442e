// Uses Node's built-ins only: it runs right after `git clone`, when there is no node_modules.
import { pathToFileURL } from 'node:url';
import { build } from './setup/build.mjs';
import { locked } from './setup/lock.mjs';
import { npmPackages, requireNode } from './setup/node.mjs';
import { pythonEnvironment } from './setup/python.mjs';
import { runMain } from './setup/say.mjs';

/** Installs and builds what is missing; does nothing the second time. */
export async function setUp() {
  requireNode();
  await locked(async () => {
    await npmPackages();
    await pythonEnvironment();
    await build();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(setUp);
