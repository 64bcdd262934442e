import { execFile } from 'node:child_process';
import path from 'node:path';
import { FAILURE } from '../../src/client';
import { compileSources, removeCompiled } from '../support/compiled';
import { aWorld, type World } from '../support/world';

const STRANGE_TARGET = '{"targets":[{"accountId":"999999999999","region":"us-east-1"}]}';

interface Answer {
  code: unknown;
  stdout: string;
  stderr: string;
}

describe('what a caller can mend', () => {
  let world: World;
  let compiled = '';

  beforeAll(async () => {
    [world, compiled] = await Promise.all([aWorld(), compileSources()]);
  });
  afterAll(async () => {
    await world.close();
    await removeCompiled(compiled);
  });

  function cli(...args: string[]): Promise<Answer> {
    const env = {
      TEMPORAL_ADDRESS: world.temporal.address,
      TEMPORAL_NAMESPACE: world.temporal.namespace ?? 'default',
      PATH: process.env.PATH,
      HOME: compiled,
    };
    return new Promise((resolve) => {
      const program = path.join(compiled, 'src/cli/holdfast.js');
      execFile(process.execPath, [program, ...args], { env, cwd: compiled }, (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    });
  }

  it.each([
    [['run', 'makeCoffee'], 'makeCoffee'],
    [['run', 'runBackup', '--input', '[]'], 'not a JSON object'],
    [['run', 'runBackup', '--input', '{}'], 'policyName'],
    [['policy', 'pause', 'nowhere', '--note', 'x'], 'there is no backup policy nowhere'],
    [['policy', 'run', 'nowhere'], 'there is no backup policy nowhere'],
    [['policy', 'delete', 'nowhere'], 'add --yes where that is meant'],
    [['policy', 'delete', 'nowhere', '--yes'], 'there is no backup policy nowhere'],
    [['run', 'runBackup', '--input', '{"policyName":"nowhere"}'], 'there is no backup policy nowhere'],
    [['run', 'enforceExpiry', '--input', STRANGE_TARGET], '999999999999/us-east-1'],
    [['progress', 'nowhere'], 'there is no workflow nowhere'],
    [['approve', 'nowhere', '--by', 'me', '--reason', 'x'], 'there is no workflow nowhere'],
    [
      ['encrypt', 'commit', '--campaign', 'x', '--by', 'me', '--reason', 'y'],
      'add --yes where that is meant',
    ],
    [['encrypt', 'commit', 'i-0123', '--by', 'me', '--reason', 'y'], 'no migration of i-0123 is known'],
    [['progress', 'vol-0123'], 'no migration of vol-0123 is known'],
    [['encrypt', 'status', 'nowhere'], 'there is no campaign nowhere'],
    [['policy', 'apply', 'any.yaml', '--yes'], '--yes is an answer to --existing'],
    [['policy', 'backfill', 'x', '--from', 'soon', '--to', 'later'], 'not an instant'],
    [['approve', 'some-id', '--by', 'me'], '--reason'],
  ])('%j is one clear error', async (args, named) => {
    const { code, stdout, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(named);
  });

  it('refuses in JSON where a program asks, with the type, and the workflow where there is one', async () => {
    const input = ['--input', '{"policyName":"nowhere"}', '--workflow-id', 'for-a-program'];
    const refused = await cli('run', 'runBackup', ...input, '-o', 'json');
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(JSON.parse(refused.stderr)).toEqual({
      error: {
        type: FAILURE.policyNotFound,
        message: expect.stringContaining('there is no backup policy nowhere') as string,
        workflowId: 'for-a-program',
      },
    });
    const late = await cli('resume', 'for-a-program', '--by', 'me', '--reason', 'x', '-o', 'json');
    expect(late.code).toBe(2);
    expect(JSON.parse(late.stderr)).toMatchObject({
      error: { type: 'OperationNotFound', message: expect.stringContaining('has ended') as string },
    });
  });

  it('finds a slip of the pen before anything starts', async () => {
    const typo = await cli('run', 'enforceExpiry', '--input', '{"dryrun":true}', '--workflow-id', 'typo');
    expect([typo.code, typo.stdout]).toEqual([2, '']);
    expect(typo.stderr).toBe(
      'holdfast: enforceExpiry: dryrun: not a field of this input; check the spelling or remove it\n',
    );
    expect((await cli('progress', 'typo')).stderr).toContain('there is no workflow typo');
    const flags = await cli('encrypt', 'start', '--instance', 'web-1', '--soak', 'long');
    expect([flags.code, flags.stdout]).toEqual([2, '']);
    expect(flags.stderr).toMatch(/--instance\[0\]: .*--key: missing.*--soak: /);
  });

  it('says of an id that is taken how to look at it', async () => {
    const input = ['--input', '{"policyName":"x","reason":"audit"}', '--workflow-id', 'taken', '--detach'];
    expect((await cli('run', 'setLegalHold', ...input)).code).toBe(0);
    const again = await cli('run', 'setLegalHold', ...input);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(
      /the id taken runs already, and nothing was started; .*holdfast progress taken/,
    );
    const run = await world.client.workflow.getHandle('taken').describe();
    expect(await run.staticSummary()).toBe('Set legal hold: x');
    await world.client.workflow.getHandle('taken').terminate();
  });

  it('names what tells how a detached run goes', async () => {
    const { code, stdout } = await cli('run', 'enforceExpiry', '--detach', '--workflow-id', 'detached');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      workflowId: 'detached',
      status: 'holdfast progress detached',
      result: 'temporal workflow result --workflow-id detached',
    });
  });
});
