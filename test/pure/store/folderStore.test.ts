import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FolderStore } from '../../../src/store/folderStore';

describe('FolderStore', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives back what was put, also when it was put twice', async () => {
    const store = new FolderStore(path.join(folder, 'made/on/demand'));
    await store.put('2026-01-01/a.json', '1');
    await store.put('2026-01-01/a.json', '2');
    expect(await store.get('2026-01-01/a.json')).toBe('2');
    expect(readdirSync(path.join(folder, 'made/on/demand/2026-01-01'))).toEqual(['a.json']);
  });

  it('knows nothing of what was not put', async () => {
    expect(await new FolderStore(folder).get('none.json')).toBeUndefined();
  });

  it.each(['', '../outside', '/etc/passwd', 'a/../../outside'])('refuses the key %j', async (key) => {
    await expect(new FolderStore(folder).put(key, 'x')).rejects.toThrow('not a key inside the store');
    await expect(new FolderStore(folder).get(key)).rejects.toThrow('not a key inside the store');
  });
});
