// The Python of the local AWS and the benchmarks, linted and formatted by ruff (ruff.toml). With --fix: made so.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, STATE } from '../setup/paths.mjs';
import { pythonEnvironment } from '../setup/python.mjs';
import { runMain } from '../setup/say.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ENVIRONMENT = join(STATE, 'ruff-python');
const FOLDERS = ['local', 'bench'];

await runMain(async () => {
  await pythonEnvironment(join(HERE, 'requirements.txt'), ENVIRONMENT, 'ruff');
  const isFixing = process.argv.includes('--fix');
  const ruff = (...options) =>
    spawnSync(join(ENVIRONMENT, 'bin', 'ruff'), [...options, ...FOLDERS], { cwd: ROOT, stdio: 'inherit' })
      .status;
  const failed = [
    ruff('check', ...(isFixing ? ['--fix'] : [])),
    ruff('format', ...(isFixing ? [] : ['--check'])),
  ];
  process.exitCode = failed.every((status) => status === 0) ? 0 : 1;
});
