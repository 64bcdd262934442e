import { existsSync } from 'node:fs';
import path from 'node:path';

/** The repository's folder, from a source file as well as from its compiled form. */
export const ROOT = rootAbove(__dirname);

/** Everything that the stack keeps; ignored by git, safe to delete while nothing runs. */
export const STATE = path.join(ROOT, '.holdfast');
export const LOGS = path.join(STATE, 'logs');
export const PROGRAMS = path.join(ROOT, 'dist');

/** A program of the private Python environment that the set-up makes. */
export function pythonProgram(name: 'python' | 'temporal'): string {
  return path.join(STATE, 'python', 'bin', name);
}

function rootAbove(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : rootAbove(path.dirname(folder));
}
