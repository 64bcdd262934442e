import { execFile, execFileSync } from 'node:child_process';
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

  it('lists what there is to start, in lines that fit a terminal', async () => {
    const { code, stdout } = await cli('schema');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^encryptVolumes +Moves running machines/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('prints the JSON Schema of an input, with what each field means', async () => {
    const { code, stdout } = await cli('schema', 'enforceExpiry');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      title: 'enforceExpiry',
      properties: { dryRun: { type: 'boolean', default: false, description: expect.any(String) as string } },
      additionalProperties: false,
    });
    expect(await cli('schema', 'encryptVolume')).toMatchObject({ code: 2, stdout: '' });
  });

  it('tells in its help what the exit codes mean', async () => {
    const { stdout } = await cli('--help');
    expect(stdout).toMatch(/Exit codes:\n +0 .*\n +1 .*\n +2 .*\n +3 /);
    expect(stdout).toMatch(/Examples:\n {2}holdfast [^]*--workflow-id[^]*Environment:\n {2}TEMPORAL_ADDRESS/);
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

  describe('completion', () => {
    let script = '';
    beforeAll(async () => (script = (await cli('completion', 'bash')).stdout));

    /** What bash offers after these words, of which the last is being written. */
    function offered(...words: string[]): string[] {
      const line = `COMP_WORDS=(holdfast ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _holdfast`;
      const print = `printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('/bin/bash', ['--norc', '-c', `${script}\n${line}; ${print}`], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
        .trim()
        .split('\n');
    }

    it.each([
      [['pol'], ['policy']],
      [['policy', 'pla'], ['plan']],
      [
        ['policy', 'plan', 'some.yaml', '-'],
        ['--output', '--help'],
      ],
      [
        ['policy', 'plan', '-o', ''],
        ['text', 'json'],
      ],
      [['run', 'enforce'], ['enforceExpiry']],
      [['run', 'enforceExpiry', '--de'], ['--detach']],
      [['encrypt', 'start', '--allow', 'assigned'], ['assignedPublicIp']],
    ])('of %j is %j', (words, wanted) => {
      expect(offered(...words)).toEqual(wanted);
    });

    it('is there for zsh and fish too, and for no other', async () => {
      const zsh = await cli('completion', 'zsh');
      expect(zsh.stdout).toContain('bashcompinit');
      expect(zsh.stdout).toContain(script.trim());
      expect((await cli('completion', 'fish')).stdout).toContain(
        "complete -c holdfast -n '__fish_seen_subcommand_from policy; and not __fish_seen_subcommand_from",
      );
      expect((await cli('completion', 'tcsh')).code).toBe(2);
    });
  });

  it('says of JSON and files that cannot be read why, in words of its own', async () => {
    const notJson = await cli('run', 'runBackup', '--input', '{policyName: 1}');
    expect([notJson.code, notJson.stdout]).toEqual([2, '']);
    expect(notJson.stderr).toContain('it is not JSON from line 1, character 2 on');
    const folder = await cli('run', 'runBackup', '--input', '@/');
    expect(folder.stderr).toContain('/ cannot be read: it is a folder');
    const none = await cli('document', 'gone.json');
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('gone.json cannot be read: there is no such file'),
    ]);
    expect(notJson.stderr + folder.stderr + none.stderr).not.toMatch(/Unexpected|EISDIR|ENOENT/);
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
