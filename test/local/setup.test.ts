import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../support/paths';

const run = promisify(execFile);
let folder: string;

beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'holdfast-local-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The set-up's modules are ES modules of plain Node, which is how they are run here too. */
async function evaluate(module: string, expression: string): Promise<unknown> {
  const url = JSON.stringify(path.join(ROOT, 'local/setup', module));
  const script = `import * as m from ${url};
    const out = await (async () => ${expression})().catch((error) => ({ failed: error.message }));
    console.log(JSON.stringify(out));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
}

function fakePython(name: string, body: string): string {
  const bin = path.join(folder, name);
  writeFileSync(bin, `#!/bin/sh\n${body}\n`);
  chmodSync(bin, 0o755);
  return bin;
}

const find = (where: string) => evaluate('python.mjs', `m.findPython(${JSON.stringify(where)})`);

test('no Python is one line that names the fix', async () => {
  expect(await find(folder)).toHaveProperty(
    'failed',
    expect.stringMatching(/^there is no Python .*install Python 3\.10/),
  );
});

test('an old Python that stands first is passed over, and named when there is no other', async () => {
  fakePython('python3', 'echo "version 3.6"');
  expect(await find(folder)).toHaveProperty('failed', expect.stringMatching('python3 is 3.6'));
  const newer = fakePython('python3.12', 'echo "version 3.12"');
  expect(await find(folder)).toBe(newer);
});

test('a Python without venv says which package brings it', async () => {
  fakePython('python3', 'echo "version 3.12"; echo "No module named ensurepip" >&2; exit 1');
  expect(await find(folder)).toHaveProperty('failed', expect.stringMatching('apt install python3-venv'));
});

test('an old Node is refused', async () => {
  expect(await evaluate('node.mjs', "m.requireNode('20.2.0')")).toHaveProperty(
    'failed',
    expect.stringMatching('too old'),
  );
  expect(await evaluate('node.mjs', "m.requireNode('22.0.0') ?? 'fine'")).toBe('fine');
});

test.each([
  ['python.mjs', 'pipFailure', 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES', 'came broken'],
  ['python.mjs', 'pipFailure', 'WARNING: Retrying (Retry(total=1)) NewConnectionError', 'cannot be reached'],
  ['node.mjs', 'npmFailure', 'npm error code EINTEGRITY\nnpm error sha512 wrong', 'came broken'],
  ['node.mjs', 'npmFailure', 'npm error code ECONNREFUSED\nnpm error failed', 'cannot be reached'],
])('%s: %s tells what is wrong in one line', async (module, name, output, expected) => {
  const told = await evaluate(module, `m.${name}({ output: ${JSON.stringify(output)}, message: 'x' })`);
  expect(told).toContain(expected);
  expect(told).not.toContain('\n');
});
