import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileSources, removeCompiled } from '../../support/compiled';
import { ROOT } from '../../support/paths';

interface Answer {
  code: unknown;
  stdout: string;
  stderr: string;
}

// Each test starts processes.
jest.setTimeout(60_000);

/** What needs neither Temporal nor AWS. */
describe('holdfast', () => {
  let compiled = '';
  beforeAll(async () => (compiled = await compileSources()), 60_000);
  afterAll(() => removeCompiled(compiled));

  function cli(...args: string[]): Promise<Answer> {
    const env = { PATH: process.env.PATH, HOME: compiled };
    return new Promise((resolve) =>
      execFile(
        process.execPath,
        [path.join(compiled, 'src/cli/holdfast.js'), ...args],
        { env, cwd: compiled },
        (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
      ),
    );
  }

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await cli('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('tells in its help what the exit codes mean', async () => {
    expect((await cli('--help')).stdout).toMatch(/Exit codes:\n +0 .*\n +1 .*\n +2 .*\n +3 /);
  });

  it.each([
    [['approve'], ['--by', '--reason']],
    [
      ['encrypt', 'rollback'],
      ['--by', '--reason'],
    ],
    [['policy', 'pause'], ['--note']],
    [
      ['policy', 'backfill'],
      ['--from', '--to'],
    ],
  ])('%j --help marks what is required, and nothing else', async (command, required) => {
    const { stdout } = await cli(...command, '--help');
    // Long descriptions are broken, and belong to the option above.
    const options = stdout.slice(stdout.indexOf('Options:')).split(/\n {2}(?=-)/);
    const marked = options.filter((text) => text.includes('(required)'));
    expect(marked.map((text) => /--[a-z-]+/.exec(text)?.[0])).toEqual(required);
  });

  it('says of a detached run what it prints, and how it goes on', async () => {
    const { stdout } = await cli('run', '--help');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      '--detach does not wait: prints the workflow id and the commands that tell how it goes',
    );
  });

  const wrong = [
    ['an option that there is not', ['policy', 'list', '--all'], 'WrongUsage', "unknown option '--all'"],
    ['a command that there is not', ['polcy'], 'WrongUsage', "unknown command 'polcy'"],
    ['a missing option', ['approve', 'some-id', '--by', 'ann'], 'WrongUsage', '--reason'],
    ['an option that is no answer', ['policy', 'apply', 'x.yaml', '--yes'], 'WrongUsage', '--existing'],
    ['a file that there is not', ['policy', 'plan', 'none.yaml'], 'PolicyFileError', 'cannot be read'],
  ] as const;

  it.each(wrong)('refuses %s, for people', async (_what, args, _type, said) => {
    const { code, stdout, stderr } = await cli(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(said);
    expect(() => JSON.parse(stderr) as unknown).toThrow();
  });

  it.each(wrong)('refuses %s, for programs', async (_what, args, type, said) => {
    for (const form of [['-o', 'json'], ['--output=json']]) {
      const { code, stdout, stderr } = await cli(...args, ...form);
      expect([code, stdout]).toEqual([2, '']);
      expect(JSON.parse(stderr)).toEqual({
        error: { type, message: expect.stringContaining(said) as string },
      });
    }
  });
});
