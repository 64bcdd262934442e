import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { transformFile } from '@swc/core';
import { ROOT } from './paths';

/**
 * Compiles src/ as it is now, types unchecked, into a folder inside the repository, where it finds node_modules: the
 * processes of the end-to-end tests run this and never a stale dist/. Returns the folder.
 */
export async function compileSources(): Promise<string> {
  const folder = path.join(ROOT, '.holdfast', `test-${process.pid}`);
  const files = await readdir(path.join(ROOT, 'src'), { recursive: true });
  await Promise.all(files.filter((file) => file.endsWith('.ts')).map((file) => compile(file, folder)));
  return folder;
}

async function compile(file: string, folder: string): Promise<void> {
  const { code } = await transformFile(path.join(ROOT, 'src', file), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  const output = path.join(folder, 'src', file.replace(/\.ts$/, '.js'));
  await mkdir(path.dirname(output), { recursive: true });
  await writeFile(output, code);
}

export async function removeCompiled(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
