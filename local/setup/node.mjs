import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';
import { run, tellingLine } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { hashOfFiles, isStamped, stamp } from './stamps.mjs';

const OLDEST = [20, 3];

/** Fail in seconds where there is no network, not in minutes. */
const FETCH = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];

export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new CannotGoOn(`Node ${version} is too old: install Node ${OLDEST.join('.')} or newer`);
}

/** Installs the lockfile's packages, unless exactly those are there. */
export async function npmPackages(root = ROOT) {
  const modules = join(root, 'node_modules');
  const stampFile = join(modules, '.holdfast-lockfile');
  const wanted = hashOfFiles([join(root, 'package-lock.json')], root);
  if (existsSync(modules) && isStamped(stampFile, wanted)) return;
  say('Installing the npm packages of the lockfile …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  try {
    await run(npm, ['ci', '--no-audit', '--no-fund', '--include=dev', ...FETCH], {
      cwd: root,
      showProgress: true,
    });
  } catch (error) {
    throw new CannotGoOn(npmFailure(error));
  }
  stamp(stampFile, wanted);
}

export function npmFailure(error) {
  const { code, output = '' } = error;
  if (code === 'ENOENT') return 'npm was not found: install it beside Node and run this again';
  const why = tellingLine(output);
  if (/EINTEGRITY/.test(output)) {
    return `an npm package came broken (its hash is not the lockfile's): run this again, and check the proxy or mirror if it stays: ${why}`;
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/i.test(output)) {
    return `the npm registry cannot be reached: check the network or proxy and run this again: ${why}`;
  }
  return `npm ci failed: ${why}`;
}
