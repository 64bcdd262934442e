import { execFile } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../support/paths';

/** As npm runs it. A set-up or a server would take longer than the timeout. */
function run(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [path.join(ROOT, 'local/start.mjs'), ...args],
      { timeout: 10_000 },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    ),
  );
}

test.each([
  ['start', '--help', 'npm start [-- --once]'],
  ['stack', '--help', '.holdfast/stack.json'],
  ['stack', '-h', 'npm run stack'],
  ['worker', '--help', 'docs/reference/configuration.md'],
])('%s %s says how it is used, and starts nothing', async (program, flag, named) => {
  const { code, stdout, stderr } = await run(program, flag);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^Usage: npm /);
  expect(stdout).toContain(named);
});

test('a worker that is given options is refused, and told where settings are', async () => {
  const { code, stderr } = await run('worker', '--queue', 'mine');
  expect(code).toBe(1);
  expect(stderr).toContain('takes no options, but was given --queue mine');
});
