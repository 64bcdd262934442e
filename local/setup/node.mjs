import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { hashOfFiles, isStamped, stamp } from './stamps.mjs';

const OLDEST = [20, 3];

export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new CannotGoOn(`Node ${version} is too old: install Node ${OLDEST.join('.')} or newer`);
}

/** Installs the lockfile's packages, unless exactly those are there. */
export async function npmPackages() {
  const modules = join(ROOT, 'node_modules');
  const stampFile = join(modules, '.holdfast-lockfile');
  const wanted = hashOfFiles([join(ROOT, 'package-lock.json')]);
  if (existsSync(modules) && isStamped(stampFile, wanted)) return;
  say('Installing the npm packages of the lockfile …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  try {
    await run(npm, ['ci', '--no-audit', '--no-fund', '--include=dev'], { cwd: ROOT });
  } catch (error) {
    throw new CannotGoOn(`npm ci failed, check the network and run this again: ${lastLine(error.output)}`);
  }
  stamp(stampFile, wanted);
}
