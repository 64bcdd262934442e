import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { pythonProgram } from './paths';
import { Problem } from './problem';

/** The Temporal CLI: HOLDFAST_TEMPORAL_CLI, then the PATH, then the private environment. @throws Problem */
export function findTemporalCli(
  environment: Readonly<Record<string, string | undefined>>,
  own = pythonProgram('temporal'),
): string {
  const chosen = environment.HOLDFAST_TEMPORAL_CLI;
  if (chosen) {
    if (isProgram(chosen)) return path.resolve(chosen);
    throw new Problem(
      `HOLDFAST_TEMPORAL_CLI: ${chosen} is no program; correct it, or unset it to use the PATH's or our own`,
    );
  }
  const folders = (environment.PATH ?? '').split(path.delimiter).filter(Boolean);
  const found = [...folders.map((folder) => path.join(folder, 'temporal')), own].find(isProgram);
  if (found) return found;
  throw new Problem('there is no Temporal CLI: run `npm run setup`, which installs one');
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
