import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A stamp says what a step was done from; the step is done again when that has changed. */
export function isStamped(file, value) {
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

export function stamp(file, value) {
  writeAtomically(file, value);
}

/** Whoever reads the file sees the old content or the new one, never half of it. */
export function writeAtomically(file, content) {
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, content);
  renameSync(part, file);
}

export function hashOfFiles(files, root) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  return hash.digest('hex');
}

/** Every file below a folder whose name ends so. */
export function filesBelow(folder, endings) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return filesBelow(path, endings);
      return endings.some((ending) => name.endsWith(ending)) ? [path] : [];
    });
}
