import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join, normalize, sep } from 'node:path';
import type { ObjectStore } from './objectStore';

/** Documents as files under one folder; what `npm start` and single-machine setups use. */
export class FolderStore implements ObjectStore {
  constructor(private readonly folder: string) {}

  /** Readers never see half a document: it is written beside its place and moved there. */
  async put(key: string, body: string): Promise<void> {
    const path = this.path(key);
    const draft = `${path}.${randomUUID()}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, body, { mode: 0o600 });
    await rename(draft, path);
  }

  async get(key: string): Promise<string | undefined> {
    try {
      return await readFile(this.path(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  private path(key: string): string {
    const relative = normalize(key);
    if (!key || relative.startsWith('..') || relative.startsWith(sep)) {
      throw new Error(`${key}: not a key inside the store; keys are relative paths`);
    }
    return join(this.folder, relative);
  }
}
