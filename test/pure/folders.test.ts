import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../support/paths';

const FURNISHED = ['model', 'workflows', 'activities'];
/** Of files in a folder: more are a hall, in which nobody finds anything. */
const MOST_FILES = 22;

const foldersOf = (tree: string) =>
  readdirSync(path.join(ROOT, tree), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.relative(path.join(ROOT, tree), path.join(entry.parentPath, entry.name)));

describe.each(FURNISHED)('the folders of %s', (part) => {
  it('hold no more than people look through', () => {
    const large = ['', ...foldersOf(`src/${part}`)].filter((folder) => {
      const entries = readdirSync(path.join(ROOT, 'src', part, folder), { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).length > MOST_FILES;
    });
    expect(large).toEqual([]);
  });

  it('are those of its tests, as are its files where one has many', () => {
    const there = (folder: string) =>
      [folder, `${folder}.ts`].some((each) => existsSync(path.join(ROOT, 'src', part, each)));
    expect(foldersOf(`test/${part}`).filter((folder) => !there(folder))).toEqual([]);
  });
});
