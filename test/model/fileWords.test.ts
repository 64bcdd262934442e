import { readFileSync } from 'node:fs';
import { whyNoJson, whyUnreadable } from '../../src/model/fileWords';

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test.each([
  ['/nowhere/x', 'there is no such file'],
  ['/', 'it is a folder; name a file in it'],
])('%s cannot be read, and that is said in our words', (file, why) => {
  expect(whyUnreadable(thrownBy(() => readFileSync(file)))).toBe(why);
});

test('another code of the system is named', () => {
  expect(whyUnreadable(Object.assign(new Error('i/o error, read'), { code: 'EIO' }))).toBe(
    'the system says EIO',
  );
});

test.each([
  ['{"a": 1,}', 'line 1, character 9'],
  ['{\n  a: 1 }', 'line 2, character 3'],
  ['{"a": ', 'line 1, character 6'],
])('%j is no JSON, and where that begins is said', (text, where) => {
  const said = whyNoJson(
    text,
    thrownBy(() => JSON.parse(text) as unknown),
    '{"a": 1}',
  );
  expect(said).toContain(`is not JSON from ${where} on; write it like {"a": 1}`);
  expect(said).not.toMatch(/Unexpected|position/);
});
