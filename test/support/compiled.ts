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
  await compileTo(folder, ['src']);
  return folder;
}

/** The same into any folder; each part of the repository keeps its name there. */
export async function compileTo(folder: string, parts: readonly string[]): Promise<void> {
  const files = await Promise.all(
    parts.map(async (part) => {
      const inside = await readdir(path.join(ROOT, part), { recursive: true });
      return inside.filter((file) => file.endsWith('.ts')).map((file) => path.join(part, file));
    }),
  );
  await Promise.all(files.flat().map((file) => compile(file, folder)));
}

async function compile(file: string, folder: string): Promise<void> {
  const { code } = await transformFile(path.join(ROOT, file), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  const output = path.join(folder, file.replace(/\.ts$/, '.js'));
  await mkdir(path.dirname(output), { recursive: true });
  await writeFile(output, code);
}

export async function removeCompiled(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
