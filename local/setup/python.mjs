import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PYTHON, ROOT, STATE } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { hashOfFiles, isStamped, stamp } from './stamps.mjs';

const OLDEST = [3, 10];
const NAMES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.14', 'python'];

/** The first Python on the PATH that is new enough and can make virtual environments. */
export async function findPython(names = NAMES) {
  const seen = [];
  for (const name of names) {
    try {
      const script = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
      const version = (await run(name, ['-c', script])).trim().split('\n').at(-1);
      const [major, minor] = version.split('.').map(Number);
      if (major === OLDEST[0] && minor >= OLDEST[1]) return name;
      seen.push(`${name} is ${version}`);
    } catch (error) {
      if (/No module named '?(venv|ensurepip)/.test(error.output ?? '')) {
        seen.push(`${name} has no venv (on Debian: apt install python3-venv)`);
      }
    }
  }
  const found = seen.length > 0 ? ` (${seen.join('; ')})` : '';
  throw new CannotGoOn(`Python ${OLDEST.join('.')} or newer is needed and was not found${found}: install it and run this again`);
}

/**
 * Makes the private Python environment: Temporal CLI, Temporal test server, moto. Its scripts hold its path, so it is
 * built in place, counts only once it is stamped, and a broken download removes it.
 */
export async function pythonEnvironment() {
  const requirements = join(ROOT, 'local/requirements.txt');
  const wanted = hashOfFiles([requirements]);
  const stampFile = join(PYTHON, '.holdfast-requirements');
  if (existsSync(PYTHON) && isStamped(stampFile, wanted)) return;
  const python = await findPython();
  say('Making the private Python environment (Temporal CLI, Temporal test server, local AWS) …');
  mkdirSync(STATE, { recursive: true });
  rmSync(PYTHON, { recursive: true, force: true });
  try {
    await run(python, ['-m', 'venv', PYTHON]);
    await run(join(PYTHON, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'],
      ...['--require-hashes', '--only-binary', ':all:', '-r', requirements],
    ]);
  } catch (error) {
    rmSync(PYTHON, { recursive: true, force: true });
    throw new CannotGoOn(
      `the Python packages could not be installed, check the network and run this again: ${lastLine(error.output ?? String(error))}`,
    );
  }
  stamp(stampFile, wanted);
}
