import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError } from '../../../src/config';
import { loadDataConverter, runsInWorkflows } from '../../../src/temporal/dataConverter';

describe('loadDataConverter', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-converter-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  let files = 0;
  const load = (source: string) => {
    const file = path.join(folder, `module-${++files}.js`);
    writeFileSync(file, source);
    return loadDataConverter(file);
  };

  it('loads nothing when nothing is named', async () => {
    expect(await loadDataConverter(undefined)).toBeUndefined();
  });

  it('takes a converter, or a function that makes one', async () => {
    const codec = '{ encode: async (p) => p, decode: async (p) => p }';
    const loaded = await load(`exports.dataConverter = { payloadCodecs: [${codec}] };`);
    const made = await load(`exports.dataConverter = async () => ({ payloadCodecs: [${codec}] });`);
    expect(loaded?.payloadCodecs).toHaveLength(1);
    expect(made?.payloadCodecs).toHaveLength(1);
    expect(runsInWorkflows(made)).toBe(false);
  });

  it('knows a converter whose code workflows need', async () => {
    const loaded = await load(`exports.dataConverter = { payloadConverterPath: '/some/module.js' };`);
    expect(runsInWorkflows(loaded)).toBe(true);
  });

  it.each([
    ['a module that exports something else', 'exports.converter = {};'],
    ['a converter that converts nothing', 'exports.dataConverter = {};'],
    ['no codec at all', 'exports.dataConverter = { payloadCodecs: [] };'],
    ['a function that returns nothing', 'exports.dataConverter = () => undefined;'],
    ['keys that cannot be had', `exports.dataConverter = () => { throw new Error('no\\nkey'); };`],
    ['a module that does not load', 'this is not JavaScript'],
  ])('fails closed on %s, in one line', async (_, source) => {
    const loading = load(source);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.toThrow(/^HOLDFAST_DATA_CONVERTER: [^\n]+$/);
  });
});
