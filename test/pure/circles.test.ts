import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { ROOT } from '../support/paths';

type Imports = ReadonlyMap<string, readonly string[]>;

/** What each file under a folder imports of the others, types too. */
function importsIn(folder: string): Imports {
  const files = readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((file) => path.join(ROOT, folder, String(file)))
    .filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'));
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => path.resolve(path.dirname(file), fileName))
    .map((target) => (existsSync(`${target}.ts`) ? `${target}.ts` : path.join(target, 'index.ts')));
}

/** The first way from a file back to itself; none where there is no circle. */
function circleIn(imports: Imports): string[] {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return [];
    way.push(file);
    for (const each of imports.get(file) ?? []) {
      const circle = visit(each);
      if (circle.length > 0) return circle;
    }
    way.pop();
    done.add(file);
    return [];
  };
  for (const file of imports.keys()) {
    const circle = visit(file);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('imports', () => {
  it('go in no circle', () => {
    const imports = importsIn('src');
    expect([...imports.values()].flat().length).toBeGreaterThan(imports.size);
    expect(circleIn(imports).map((file) => path.relative(ROOT, file))).toEqual([]);
  });

  it('that do are named', () => {
    const imports = new Map(Object.entries({ a: ['b'], b: ['c', 'd'], c: [], d: ['e'], e: ['b'] }));
    expect(circleIn(imports)).toEqual(['b', 'd', 'e', 'b']);
  });
});
