import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writtenSchema } from '../../src/model/input';
import { OPERATION_NAMES } from '../../src/model/operations';
import { OPERATION_INPUTS } from '../../src/model/operations/inputs';
import { REFERENCE, referencePages } from '../../local/reference/pages';
import { ROOT } from '../../local/stack/paths';

describe('the reference of the workflows', () => {
  const folder = path.join(ROOT, REFERENCE);
  const pages = referencePages();

  it('is on every page what the schemas and types say; npm run reference writes it anew', () => {
    const written = readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(pages));
  });

  it('tells what comes out of each workflow', () => {
    for (const name of OPERATION_NAMES)
      expect(pages.get(`${name}.md`)).toMatch(/## Result\n\n\| field .*\n.*\n\| `/);
  });

  it.each(OPERATION_NAMES)('tells what each field of %s means', (name) => {
    const { properties = {} } = writtenSchema(OPERATION_INPUTS[name]);
    const silent = Object.entries(properties).filter(
      ([, field]) => typeof field === 'object' && field.description === undefined && field.not === undefined,
    );
    expect(silent.map(([field]) => field)).toEqual([]);
  });
});
