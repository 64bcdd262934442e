import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PYTHON, ROOT, STATE } from './paths.mjs';
import { run, tellingLine } from './run.mjs';
import { CannotGoOn, say } from './say.mjs';
import { hashOfFiles, isStamped, stamp } from './stamps.mjs';

const OLDEST = [3, 10];
const NAMES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.14', 'python'];
const PROBE = `import sys
print("version %d.%d" % sys.version_info[:2])
import venv, ensurepip`;

/** The first Python on the PATH that is new enough and can make virtual environments; an older one may stand before it. */
export async function findPython(path = process.env.PATH ?? '') {
  const folders = path.split(delimiter).filter(Boolean);
  const unfit = new Set();
  for (const program of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (!existsSync(program)) continue;
    const problem = await unfitness(program);
    if (!problem) return program;
    unfit.add(problem);
  }
  const wanted = `Python ${OLDEST.join('.')} or newer with its venv module`;
  if (unfit.size === 0)
    throw new CannotGoOn(`there is no Python on the PATH: install ${wanted}, and run this again`);
  throw new CannotGoOn(
    `no Python on the PATH will do (${[...unfit].join('; ')}): install ${wanted}, and run this again`,
  );
}

async function unfitness(program) {
  const { output, failed } = await run(program, ['-c', PROBE]).then(
    (said) => ({ output: said, failed: false }),
    (error) => ({ output: error.output ?? '', failed: true }),
  );
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(output) ?? [];
  if (major === undefined) return `${program} does not run`;
  const isOld = Number(major) !== OLDEST[0] || Number(minor) < OLDEST[1];
  if (isOld) return `${program} is ${major}.${minor}`;
  return failed ? `${program} has no venv module; on Debian and Ubuntu: apt install python3-venv` : undefined;
}

/**
 * Makes the private Python environment: Temporal CLI, Temporal test server, moto. It is built in a folder of its own,
 * and the name that everybody uses points to it only when it is whole.
 */
export async function pythonEnvironment(
  requirements = join(ROOT, 'local/requirements.txt'),
  link = PYTHON,
  holds = 'Temporal CLI, Temporal test server, local AWS',
) {
  const wanted = hashOfFiles([requirements], ROOT);
  if (isStamped(join(link, '.holdfast-requirements'), wanted)) return;
  const python = await findPython();
  say(`Making the private Python environment (${holds}) …`);
  mkdirSync(STATE, { recursive: true });
  const folder = `${link}-${wanted.slice(0, 8)}-${process.pid}`;
  try {
    await install(python, folder, requirements);
    stamp(join(folder, '.holdfast-requirements'), wanted);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw new CannotGoOn(pipFailure(error));
  }
  pointTo(folder, link);
}

async function install(python, folder, requirements) {
  // A caller's own Python path would decide which pip runs.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^PYTHON(PATH|HOME)$/.test(name)),
  );
  await run(python, ['-m', 'venv', folder], { env, showProgress: true });
  await run(
    join(folder, 'bin/python'),
    [
      ...['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'],
      ...[
        '--retries',
        '2',
        '--timeout',
        '20',
        '--require-hashes',
        '--only-binary',
        ':all:',
        '-r',
        requirements,
      ],
    ],
    { env, showProgress: true },
  );
}

export function pipFailure({ output = '', message }) {
  const why = tellingLine(output || message);
  if (/DO NOT MATCH THE HASHES/.test(output)) {
    return 'a Python package came broken (its hash is not the one in local/requirements.txt): run this again, and check the proxy or mirror if it stays';
  }
  if (/Retrying \(|NewConnectionError|name resolution|Network is unreachable|timed out/i.test(output)) {
    return `the Python package index cannot be reached: check the network or proxy and run this again: ${why}`;
  }
  return `the Python packages could not be installed: ${why}`;
}

/** Moves the name over to the new environment in one step, and removes what no name points to. */
function pointTo(folder, link) {
  const name = folder.slice(STATE.length + 1);
  if (existsSync(link) && !lstatSync(link).isSymbolicLink()) rmSync(link, { recursive: true, force: true });
  symlinkSync(name, `${folder}.link`);
  renameSync(`${folder}.link`, link);
  const prefix = `${link.slice(STATE.length + 1)}-`;
  for (const other of readdirSync(STATE)) {
    if (other.startsWith(prefix) && other !== name)
      rmSync(join(STATE, other), { recursive: true, force: true });
  }
}
