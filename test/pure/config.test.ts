import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, readTemporalConfig, readWorkerConfig, type Environment } from '../../src/config';

const MINIMUM = { AWS_REGION: 'us-east-1', TEMPORAL_CONFIG_FILE: '' };

describe('readWorkerConfig', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (name: string, content: string): string => {
    const written = path.join(folder, name);
    writeFileSync(written, content);
    return written;
  };
  const read = (environment: Environment) =>
    readWorkerConfig({ ...MINIMUM, HOME: folder, XDG_CONFIG_HOME: folder, ...environment });
  const problem = (environment: Environment): string => {
    try {
      read(environment);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      const { message } = error as Error;
      expect(message).not.toContain('\n');
      return message;
    }
    throw new Error('the environment was accepted');
  };

  it('needs AWS_REGION and no more', () => {
    expect(read({})).toMatchObject({
      temporal: { namespace: 'default', connectionOptions: { address: 'localhost:7233' } },
      aws: { region: 'us-east-1', apiShare: 0.5 },
      manifests: { kind: 'folder', path: path.resolve('.holdfast/manifests') },
      evidence: { kind: 'folder', path: path.resolve('.holdfast/evidence') },
      logLevel: 'info',
    });
    expect(read({}).metricsPort).toBeUndefined();
    expect(problem({ AWS_REGION: undefined })).toMatch(/^AWS_REGION: not set/);
  });

  it('reads who is to be told, and refuses what it cannot tell', () => {
    const topic = 'arn:aws:sns:eu-west-1:123456789012:alarms';
    expect(read({}).notify).toEqual([]);
    expect(read({ HOLDFAST_NOTIFY: `https://example.com/hook, ${topic}` }).notify).toEqual([
      'https://example.com/hook',
      topic,
    ]);
    expect(problem({ HOLDFAST_NOTIFY: 'http://example.com/hook' })).toMatch(
      /^HOLDFAST_NOTIFY.*https URLs and ARNs/,
    );
    expect(problem({ HOLDFAST_CLOUDWATCH_NAMESPACE: 'AWS/EC2' })).toMatch(
      /^HOLDFAST_CLOUDWATCH_NAMESPACE: at most/,
    );
  });

  it('reads what is given, and takes an empty variable as not given', () => {
    const config = read({
      AWS_ENDPOINT_URL: 'http://127.0.0.1:5000',
      HOLDFAST_EVIDENCE: 's3://proof/of/it/',
      HOLDFAST_MANIFESTS: 's3://bucket',
      HOLDFAST_METRICS_PORT: '9464',
      HOLDFAST_API_SHARE: '0.25',
      HOLDFAST_POLL_SECONDS: '0.5',
      HOLDFAST_LOG_LEVEL: '',
    });
    expect(config).toMatchObject({
      aws: { endpoint: 'http://127.0.0.1:5000', apiShare: 0.25 },
      evidence: { kind: 's3', bucket: 'proof', prefix: 'of/it' },
      manifests: { kind: 's3', bucket: 'bucket', prefix: '' },
      metricsPort: 9464,
      pollMs: 500,
      logLevel: 'info',
    });
    expect(read({ HOLDFAST_METRICS_PORT: '0' }).metricsPort).toBeUndefined();
  });

  it.each([
    ['AWS_REGION', 'virginia'],
    ['AWS_ENDPOINT_URL', 'localhost:5000'],
    ['HOLDFAST_EVIDENCE', 's3://'],
    ['HOLDFAST_MANIFESTS', 'https://example.com/x'],
    ['HOLDFAST_WORKFLOW_BUNDLE', '/nowhere/bundle.js'],
    ['HOLDFAST_METRICS_PORT', 'http'],
    ['HOLDFAST_METRICS_PORT', '70000'],
    ['HOLDFAST_API_SHARE', '0'],
    ['HOLDFAST_API_SHARE', '1.5'],
    ['HOLDFAST_API_SHARE', 'half'],
    ['HOLDFAST_POLL_SECONDS', '0'],
    ['HOLDFAST_POLL_SECONDS', '61'],
    ['HOLDFAST_POLL_SECONDS', 'often'],
    ['HOLDFAST_LOG_LEVEL', 'loud'],
    ['HOLDFAST_ACCOUNTS', '/nowhere/accounts.yaml'],
    ['TEMPORAL_CONFIG_FILE', '/nowhere/\0temporal.toml'],
  ])('%s=%s is one line that names the variable', (variable, value) => {
    expect(problem({ [variable]: value })).toMatch(
      variable.startsWith('TEMPORAL') ? /^TEMPORAL_/ : new RegExp(`^${variable}: .{10,}`),
    );
  });

  it('names every wrong variable at once', () => {
    const message = problem({ HOLDFAST_API_SHARE: '2', HOLDFAST_LOG_LEVEL: 'loud' });
    expect(message).toContain('HOLDFAST_API_SHARE: ');
    expect(message).toContain('HOLDFAST_LOG_LEVEL: ');
  });

  describe('the accounts file', () => {
    const accounts = (yaml: string) => ({ HOLDFAST_ACCOUNTS: file('accounts.yaml', yaml) });

    it('gives accounts regions, an external id, and roles', () => {
      const config = read(
        accounts(`
          accounts:
            "111111111111": { regions: [us-east-1] }
            "222222222222":
              regions: [us-east-1, eu-west-1]
              externalId: agreed
              role: arn:aws:iam::222222222222:role/holdfast
            "333333333333":
              regions: [us-east-1]
              roles:
                read: arn:aws:iam::333333333333:role/holdfast-reader
                backup: arn:aws:iam::333333333333:role/holdfast-backup
        `),
      );
      expect(Object.keys(config.aws.accounts?.accounts ?? {})).toEqual([
        '111111111111',
        '222222222222',
        '333333333333',
      ]);
    });

    it.each([
      ['no regions', '"222222222222": { regions: [] }', 'accounts.222222222222.regions'],
      ['a short account id', '"22": { regions: [us-east-1] }', 'accounts.22'],
      ['a region that is none', '"222222222222": { regions: [europe] }', 'regions[0]'],
      ['an unknown field', '"222222222222": { regions: [us-east-1], rolle: x }', 'rolle: not a field'],
      [
        'an unknown capability',
        '"222222222222": { regions: [us-east-1], roles: { write: arn:aws:iam::222222222222:role/x } }',
        'write',
      ],
      [
        'role and roles',
        '"222222222222": { regions: [us-east-1], role: arn:aws:iam::222222222222:role/x, roles: {} }',
        'give either role',
      ],
      ['a role that is none', '"222222222222": { regions: [us-east-1], role: admin }', 'not a role ARN'],
      [
        'a role of another account',
        '"222222222222": { regions: [us-east-1], role: arn:aws:iam::333333333333:role/x }',
        'name a role of 222222222222',
      ],
      ['broken YAML', '"222222222222": {', 'cannot be read as YAML'],
      [
        'a second document',
        '"222222222222": { regions: [us-east-1] }\n---\naccounts: {}',
        'holds several documents; write all accounts under the one accounts:',
      ],
    ])('refuses %s', (_, entry, named) => {
      const message = problem(accounts(`accounts:\n  ${entry}\n`));
      expect(message).toMatch(/^HOLDFAST_ACCOUNTS: .*accounts\.yaml: /);
      expect(message).toContain(named);
    });
  });

  describe('Temporal', () => {
    const toml = `
[profile.default]
address = "from-file:7233"
namespace = "from-file"
[profile.prod]
address = "prod.example.tmprl.cloud:7233"
namespace = "prod.acct"
api_key = "secret"
`;

    it('is found where the temporal CLI finds it: file, profile, and TEMPORAL_* above both', () => {
      const TEMPORAL_CONFIG_FILE = file('temporal.toml', toml);
      const temporal = (environment: Environment) =>
        readTemporalConfig({ TEMPORAL_CONFIG_FILE, ...environment });
      expect(temporal({})).toMatchObject({
        namespace: 'from-file',
        connectionOptions: { address: 'from-file:7233' },
      });
      expect(temporal({ TEMPORAL_PROFILE: 'prod' })).toMatchObject({
        namespace: 'prod.acct',
        connectionOptions: { address: 'prod.example.tmprl.cloud:7233', apiKey: 'secret', tls: true },
      });
      expect(temporal({ TEMPORAL_ADDRESS: 'here:1', TEMPORAL_NAMESPACE: 'mine' })).toMatchObject({
        namespace: 'mine',
        connectionOptions: { address: 'here:1' },
      });
    });

    it('a profile that does not exist, or a file that is no TOML, is one line', () => {
      const TEMPORAL_CONFIG_FILE = file('temporal.toml', toml);
      expect(problem({ TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE: 'staging' })).toMatch(/^TEMPORAL_.*staging/);
      expect(problem({ TEMPORAL_CONFIG_FILE: file('broken.toml', '[profile') })).toMatch(/^TEMPORAL_/);
    });
  });
});
