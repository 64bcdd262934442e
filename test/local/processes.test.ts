import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Supervisor } from '../../local/stack/processes';

const COMPILED = path.resolve(__dirname, '../../dist/local/stack/processes.js');
let folder: string;
let supervisor: Supervisor;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-local-'));
  supervisor = new Supervisor(folder);
});
afterEach(async () => {
  await supervisor.stopAll(1_000);
  rmSync(folder, { recursive: true, force: true });
});

const spec = (script: string, readyWithinMs = 10_000) => ({
  name: 'thing',
  command: process.execPath,
  args: ['-e', script],
  env: {},
  ready: (line: string) => /^ready (.+)$/.exec(line)?.[1],
  readyWithinMs,
});

const STAYS = "console.log('ready yes'); setInterval(() => {}, 1000)";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function untilGone(pid: number): Promise<void> {
  for (let waited = 0; isAlive(pid) && waited < 10_000; waited += 50) await sleep(50);
  expect(isAlive(pid)).toBe(false);
}

test('a process is there when it says so, is logged, and ends with the rest', async () => {
  const { process: thing, ready } = await supervisor.start(spec(STAYS));
  expect(ready).toBe('yes');
  await supervisor.stopAll(1_000);
  expect(isAlive(thing.pid)).toBe(false);
  expect(readFileSync(thing.logFile, 'utf8')).toContain('ready yes');
});

test('one that ends before it is ready fails in one line with its last words', async () => {
  const start = supervisor.start(spec("console.error('port 5 is taken'); process.exit(1)"));
  await expect(start).rejects.toThrow(/^thing ended before it was ready: port 5 is taken .*thing\.log\)$/);
});

test('one that says nothing is given up and killed', async () => {
  await expect(supervisor.start(spec('setInterval(() => {}, 1000)', 300))).rejects.toThrow(
    'not ready within 0.3 s',
  );
});

test('an end that nobody asked for is a failure, and one that somebody did is not', async () => {
  const failure = supervisor.failure();
  const { process: thing } = await supervisor.start(spec(STAYS));
  await thing.kill();
  const { process: other } = await supervisor.start({ ...spec(STAYS), name: 'other' });
  process.kill(other.pid, 'SIGKILL');
  expect((await failure).message).toMatch(/^other was killed \(SIGKILL\)/);
});

test('processes do not outlive a program that is itself killed', async () => {
  const program = spawn(process.execPath, [
    '-e',
    `const { Supervisor } = require(${JSON.stringify(COMPILED)});
     new Supervisor(${JSON.stringify(folder)}).start({ name: 'child', command: process.execPath,
       args: ['-e', ${JSON.stringify(STAYS)}], env: {}, readyWithinMs: 10000,
       ready: (line) => line.startsWith('ready') || undefined })
       .then((started) => console.log(started.process.pid));`,
  ]);
  const pid = await new Promise<number>((resolve) =>
    program.stdout.once('data', (data) => resolve(Number(data))),
  );
  expect(isAlive(pid)).toBe(true);
  program.kill('SIGKILL');
  await untilGone(pid);
});
