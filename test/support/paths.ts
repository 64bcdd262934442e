import { existsSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(__dirname, '../..');

/**
 * A program of the private Python environment that `node local/setup.mjs` makes, or of the environment that
 * HOLDFAST_PYTHON names.
 */
export function pythonProgram(name: 'python' | 'temporal' | 'temporal-test-server' | 'moto_server'): string {
  const environment = process.env.HOLDFAST_PYTHON ?? path.join(ROOT, '.holdfast/python');
  const program = path.join(environment, 'bin', name);
  if (!existsSync(program)) throw new Error(`${program} is missing; run \`node local/setup.mjs\` first`);
  return program;
}
