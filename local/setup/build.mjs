import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DIST, ROOT } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { filesBelow, hashOfFiles, isStamped, stamp } from './stamps.mjs';

export const BUNDLE = join(DIST, 'workflow-bundle.js');

/** Compiles src and local to dist, and bundles the workflows, where sources have changed since. */
export async function build() {
  const sources = [
    ...filesBelow(join(ROOT, 'src'), ['.ts']),
    ...filesBelow(join(ROOT, 'local'), ['.ts']),
    ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => join(ROOT, name)),
  ];
  const wanted = hashOfFiles(sources);
  const stampFile = join(DIST, '.holdfast-sources');
  if (existsSync(BUNDLE) && isStamped(stampFile, wanted)) return;
  say('Building …');
  try {
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], { cwd: ROOT });
  } catch (error) {
    throw new CannotGoOn(`the build failed:\n${error.output}`);
  }
  await bundleWorkflows();
  stamp(stampFile, wanted);
}

/** The bundle is what a production worker loads: built once, the same on every host. */
async function bundleWorkflows() {
  const require = createRequire(join(ROOT, 'package.json'));
  const { writeFileSync } = await import('node:fs');
  const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
  try {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(DIST, 'src/workflows/index.js'),
      logger: new DefaultLogger('ERROR'),
    });
    writeFileSync(BUNDLE, code);
  } catch (error) {
    throw new CannotGoOn(`the workflows could not be bundled: ${lastLine(String(error))}`);
  }
}
