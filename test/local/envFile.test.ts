import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeEnvFile, writeEnvFile } from '../../local/stack/envFile';
import { stackVariables } from '../../local/stack/environment';

let folder: string;

// A shell has to live with what people call their folders.
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "holdfast's env "))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const endpoints = {
  temporalAddress: '127.0.0.1:1',
  namespace: 'default',
  awsEndpoint: 'http://127.0.0.1:2',
};

function write(): void {
  writeEnvFile(folder, {
    variables: stackVariables(endpoints, folder),
    commands: { temporal: ['/bin/echo', 'the cli'], holdfast: ['/bin/echo', 'holdfast'] },
  });
}

/** What a shell says that has read the file. */
function sourced(shell: string, script: string): string {
  const file = path.join(folder, 'env');
  const env = { PATH: process.env.PATH, AWS_PROFILE: 'production', TEMPORAL_API_KEY: 'real', LANG: 'C' };
  return execFileSync(shell, ['-c', `. "$0"; . "$0"; ${script}`, file], {
    env,
    encoding: 'utf8',
    // With a pipe there bash takes itself for a remote shell, and reads its user's own settings.
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const shells = ['/bin/sh', '/bin/bash', '/bin/zsh'].filter((shell) => existsSync(shell));

test.each(shells)('%s that reads it is on the stack and nowhere else', (shell) => {
  write();
  expect(sourced(shell, 'echo "$TEMPORAL_ADDRESS $AWS_ENDPOINT_URL"')).toBe(
    '127.0.0.1:1 http://127.0.0.1:2\n',
  );
  expect(sourced(shell, 'echo "${AWS_PROFILE-none} ${TEMPORAL_API_KEY-none} $LANG"')).toBe('none none C\n');
});

test.each(shells)('%s finds both commands, with their arguments, and one entry of the PATH', (shell) => {
  write();
  expect(sourced(shell, "temporal workflow 'a list'; holdfast --version")).toBe(
    'the cli workflow a list\nholdfast --version\n',
  );
  expect(sourced(shell, 'echo "$PATH"').split(':')).toEqual([
    path.join(folder, 'bin'),
    ...`${process.env.PATH}\n`.split(':'),
  ]);
});

test('it goes with the stack', () => {
  write();
  removeEnvFile(folder);
  expect(existsSync(path.join(folder, 'env'))).toBe(false);
});
