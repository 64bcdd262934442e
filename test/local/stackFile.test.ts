import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ACCOUNTS } from '../../local/stack/accounts';
import { claimFolder, removeStackFile, stackFilePath, writeStackFile } from '../../local/stack/stackFile';
import { findTemporalCli } from '../../local/stack/temporalCli';

let folder: string;

beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'holdfast-local-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const content = {
  temporalAddress: '127.0.0.1:7233',
  namespace: 'default',
  uiUrl: 'http://127.0.0.1:8233',
  awsEndpoint: 'http://127.0.0.1:5000',
  temporalCli: '/bin/temporal',
  workerPid: 1,
  accounts: ACCOUNTS,
};

test('stack.json holds exactly what is promised, and goes at the end', () => {
  writeStackFile(folder, content);
  expect(JSON.parse(readFileSync(stackFilePath(folder), 'utf8'))).toEqual(content);
  expect(readdirSync(folder)).toEqual(['stack.json']);
  removeStackFile(folder);
  expect(existsSync(stackFilePath(folder))).toBe(false);
});

test('a second stack in the folder is refused while the first lives, and not after', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = path.join(folder, 'stack.pid');
  writeFileSync(pid, String(other.pid));
  expect(() => claimFolder(folder)).toThrow(`process ${other.pid}`);
  const gone = new Promise((resolve) => other.once('exit', resolve));
  other.kill('SIGKILL');
  await gone;
  claimFolder(folder)();
  expect(existsSync(pid)).toBe(false);
});

test('the Temporal CLI is the chosen one, then the PATH’s, then our own', () => {
  const onPath = path.join(folder, 'temporal');
  const own = path.join(folder, 'own');
  for (const file of [onPath, own]) writeFileSync(file, '', { mode: 0o755 });
  expect(findTemporalCli({ HOLDFAST_TEMPORAL_CLI: own, PATH: folder }, onPath)).toBe(own);
  expect(findTemporalCli({ PATH: folder }, own)).toBe(onPath);
  expect(findTemporalCli({ PATH: '/nowhere' }, own)).toBe(own);
  expect(() => findTemporalCli({ HOLDFAST_TEMPORAL_CLI: '/nowhere/temporal' }, own)).toThrow(
    'HOLDFAST_TEMPORAL_CLI',
  );
  expect(() => findTemporalCli({ PATH: '' }, '/nowhere')).toThrow('npm run setup');
});
