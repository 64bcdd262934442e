import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DIST, ROOT } from './paths.mjs';
import { run, tellingLine } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { filesBelow, hashOfFiles, isStamped, stamp, writeAtomically } from './stamps.mjs';

const BUNDLE = join(DIST, 'workflow-bundle.js');

/** Compiles src and local to dist, and bundles the workflows; each only where its sources have changed since. */
export async function build() {
  await compile();
  await bundle();
}

async function compile() {
  const wanted = hashOf(['src', 'local'], ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);
  const stampFile = join(DIST, '.holdfast-sources');
  if (isStamped(stampFile, wanted)) return;
  say('Compiling …');
  prune();
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  try {
    await run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: ROOT, showProgress: true });
  } catch (error) {
    throw new CannotGoOn(`the build failed:\n${error.output.trim()}`);
  }
  stamp(stampFile, wanted);
}

/** What a file was compiled to before it moved would stand before the folder that has its name now. */
function prune() {
  for (const folder of ['src', 'local'].filter((each) => existsSync(join(DIST, each))))
    for (const file of readdirSync(join(DIST, folder), { recursive: true })) {
      const source = file.replace(/\.js(\.map)?$/, '.ts');
      const isLeft = source !== file && !existsSync(join(ROOT, folder, source));
      if (isLeft) rmSync(join(DIST, folder, file));
    }
}

/** The bundle is what a production worker loads: built once, the same on every host. */
async function bundle() {
  const wanted = hashOf(['src/workflows', 'src/model'], ['tsconfig.json', 'package-lock.json']);
  const stampFile = join(DIST, '.holdfast-bundle');
  if (existsSync(BUNDLE) && isStamped(stampFile, wanted)) return;
  say('Bundling the workflows …');
  const { bundleWorkflowCode, DefaultLogger } = createRequire(join(ROOT, 'package.json'))(
    '@temporalio/worker',
  );
  try {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(DIST, 'src/workflows/index.js'),
      logger: new DefaultLogger('ERROR'),
    });
    writeAtomically(BUNDLE, code);
  } catch (error) {
    throw new CannotGoOn(`the workflows could not be bundled: ${tellingLine(String(error))}`);
  }
  stamp(stampFile, wanted);
}

function hashOf(folders, files) {
  const sources = folders.flatMap((folder) => filesBelow(join(ROOT, folder), ['.ts']));
  return hashOfFiles([...sources, ...files.map((file) => join(ROOT, file))], ROOT);
}
