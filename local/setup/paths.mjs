import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Everything that the stack keeps between starts; ignored by git, safe to delete. */
export const STATE = join(ROOT, '.holdfast');
export const PYTHON = join(STATE, 'python');
export const DIST = join(ROOT, 'dist');
