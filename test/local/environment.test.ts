import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readAccountsFile, readWorkerConfig } from '../../src/config';
import { accountsYaml, ACCOUNTS } from '../../local/stack/accounts';
import { stackVariables, withoutForeign } from '../../local/stack/environment';
import { writeFileSync } from 'node:fs';

const REAL = {
  AWS_PROFILE: 'production',
  AWS_ACCESS_KEY_ID: 'AKIAREAL',
  AWS_SESSION_TOKEN: 'real',
  AWS_ENDPOINT_URL_EC2: 'https://ec2.us-east-1.amazonaws.com',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
  TEMPORAL_ADDRESS: 'real.tmprl.cloud:7233',
  TEMPORAL_API_KEY: 'real',
  HOLDFAST_ACCOUNTS: '/real.yaml',
  https_proxy: 'http://proxy',
  HTTP_PROXY: 'http://proxy',
  PYTHONPATH: '/elsewhere',
  NODE_OPTIONS: '--require=/elsewhere',
};

let folder: string;

beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'holdfast-local-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const endpoints = {
  temporalAddress: '127.0.0.1:1',
  namespace: 'default',
  awsEndpoint: 'http://127.0.0.1:2',
};

test('nothing that leads to a real account, a real Temporal or another Python is passed on', () => {
  expect(withoutForeign({ ...REAL, PATH: '/bin', HOME: '/home/me', LANG: 'C' })).toEqual({
    PATH: '/bin',
    HOME: '/home/me',
    LANG: 'C',
  });
});

test('the worker reads the stack from these variables, whatever the caller has', () => {
  const variables = { ...withoutForeign(REAL), ...stackVariables(endpoints, folder) };
  writeFileSync(path.join(folder, 'accounts.yaml'), accountsYaml());
  const config = readWorkerConfig(variables);
  expect(config.temporal.connectionOptions.address).toBe('127.0.0.1:1');
  expect(config.temporal.connectionOptions.apiKey).toBeUndefined();
  expect(config.aws.endpoint).toBe('http://127.0.0.1:2');
  expect(Object.values(variables)).not.toContain('AKIAREAL');
  expect(readFileSync(variables.AWS_CONFIG_FILE ?? '', 'utf8')).toBe('');
});

test('the accounts file allows the own accounts and no partner', () => {
  const file = path.join(folder, 'accounts.yaml');
  writeFileSync(file, accountsYaml());
  expect(Object.keys(readAccountsFile(file).accounts).sort()).toEqual(
    [ACCOUNTS.home, ...ACCOUNTS.others].sort(),
  );
});
