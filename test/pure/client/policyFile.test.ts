import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expiryOf } from '../../../src/calendar/calendar';
import {
  parsePolicyFile,
  PolicyFileError,
  policyFileJsonSchema,
  readPolicyFile,
  readPolicyFiles,
} from '../../../src/client/policyFile';
import { ROOT } from '../../support/paths';

const YAML = `apiVersion: holdfast/v1
kind: BackupPolicy
metadata:
  name: critical
spec:
  selector: { tags: { all: { tier: critical } } }
  schedule: { every: 4h, timezone: Europe/Berlin }
  rpo: 5h
  retention: { keep: 30d, minKeep: 5 }
  targets: [{ region: eu-west-1 }]
`;

describe('policy files', () => {
  it('hold the flat input, grouped', () => {
    expect(parsePolicyFile(YAML, 'p.yaml')).toEqual([
      {
        policyName: 'critical',
        selector: { tags: { all: { tier: 'critical' } } },
        frequency: '4h',
        timezone: 'Europe/Berlin',
        rpo: '5h',
        retention: '30d',
        minKeep: 5,
        targets: [{ region: 'eu-west-1' }],
      },
    ]);
  });

  it('hold a policy in each of their documents', () => {
    const other = YAML.replace('name: critical', 'name: other');
    const both = parsePolicyFile(`---\n${YAML}---\n${other}---\n# nothing more\n`, 'p.yaml');
    expect(both.map(({ policyName }) => policyName)).toEqual(['critical', 'other']);
    expect(() => parsePolicyFile('# later\n', 'p.yaml')).toThrow('p.yaml: holds no policy');
  });

  it.each<[string, string, string, RegExp]>([
    ['an unknown key', 'rpo: 5h', 'rop: 5h', /^p\.yaml:8: spec\.rop: not a field/],
    [
      'a bad duration',
      'every: 4h',
      'every: often',
      /^p\.yaml:7: spec\.schedule\.every: not a length of time/,
    ],
    [
      'an rpo that cannot be met',
      'rpo: 5h',
      'rpo: 4h',
      /^p\.yaml:8: spec\.rpo: cannot be met: 4 h between runs/,
    ],
    ['a bad region', 'eu-west-1', 'Ireland', /^p\.yaml:10: spec\.targets\.?\[0\]\.region: not an AWS region/],
    ['another kind', 'kind: BackupPolicy', 'kind: Pod', /^p\.yaml:2: kind: /],
    ['no YAML', 'kind: BackupPolicy', 'kind: [', /^p\.yaml:\d+: not YAML/],
    [
      'a wrong second document',
      'targets: [{ region: eu-west-1 }]',
      'paused: 1\n---\nkind: Pod',
      /^p\.yaml:\d+: spec\.paused: [^]*\np\.yaml:12: kind: must be "BackupPolicy"/,
    ],
    ['a region with a typo', 'eu-west-1', 'eu-west1', /not an AWS region; .*; did you mean eu-west-1\?$/],
    [
      'a truth for a text',
      'tier: critical',
      'prod: true',
      /^p\.yaml:6: spec\.selector\.tags\.all\.prod: .*; a text goes in quotes: 'true'$/,
    ],
    [
      'a number for an account',
      'region: eu-west-1',
      'accountId: 012345678901',
      /^p\.yaml:10: spec\.targets\.?\[0\]\.accountId: .*; a text goes in quotes: '012345678901'$/,
    ],
    ['a number that is too big', 'minKeep: 5', 'minKeep: -1', /minKeep: must be at least \d+$/],
    [
      'something twice',
      'kind: BackupPolicy',
      'kind: BackupPolicy\nkind: BackupPolicy',
      /^p\.yaml:3: not YAML: this field is there twice/,
    ],
    ['a tab', '  rpo: 5h', '\trpo: 5h', /^p\.yaml:8: not YAML: [^]*tab/],
    [
      'a copy to nowhere',
      'rpo: 5h',
      'copies: [{ toRegion: Ireland }]',
      /^p\.yaml:8: spec\.copies\.?\[0\]\.toRegion: not an AWS region/,
    ],
    [
      'a retention that is too short',
      'keep: 30d',
      'keep: 1h',
      /^p\.yaml:9: spec\.retention\.keep: must be longer than the schedule\.every, or/,
    ],
    [
      'a retention that is none',
      'keep: 30d',
      'keep: long',
      /^p\.yaml:9: spec\.retention\.keep: not a duration/,
    ],
    [
      'two schedules',
      'every: 4h',
      "every: 4h, cron: '0 1 * * *'",
      /^p\.yaml:7: spec\.schedule\.every: say when: exactly one of schedule\.every, cron and calendar/,
    ],
    ['an archive', 'rpo: 5h', 'archive: { after: 1d }', /^p\.yaml:8: spec\.archive\.after: at least 7d/],
    [
      'a hook that does not know what it runs',
      'rpo: 5h',
      'hooks: { pre: { comands: [sync] }, post: { commands: [sync] } }',
      /^p\.yaml:8: spec\.hooks\.pre\.comands: not a field/,
    ],
    [
      'a freeze that nobody thaws',
      'rpo: 5h',
      'hooks: { pre: { commands: [sync] } }',
      /^p\.yaml:8: spec\.hooks\.post: say how to thaw/,
    ],
  ])('with %s say where and what', (_, from, to, message) => {
    const wrong = () => parsePolicyFile(YAML.replace(from, to), 'p.yaml');
    expect(wrong).toThrow(PolicyFileError);
    expect(wrong).toThrow(message);
  });

  it('have a JSON Schema for editors, and it is the published one', () => {
    const published = JSON.parse(
      readFileSync(path.join(ROOT, 'policies/policy.schema.json'), 'utf8'),
    ) as unknown;
    // Otherwise: npm run schema
    expect(published).toEqual(policyFileJsonSchema());
  });

  it.each(readdirSync(path.join(ROOT, 'policies')).filter((file) => file.endsWith('.yaml')))(
    'shipped: %s can be used',
    (file) => {
      expect(readPolicyFile(path.join(ROOT, 'policies', file)).policyName).toBe(path.parse(file).name);
    },
  );
});

describe('expiryOf', () => {
  const at = (text: string) => Date.parse(text);
  it.each<[string, string, string, string | undefined]>([
    ['2026-01-31T04:00:00Z', '30d', 'UTC', '2026-03-02T04:00:00Z'],
    ['2026-01-31T04:00:00Z', '1mo', 'UTC', '2026-02-28T04:00:00Z'],
    ['2024-02-29T00:00:00Z', '1y', 'UTC', '2025-02-28T00:00:00Z'],
    // A calendar month keeps the wall clock: New York leaves daylight saving on the way.
    ['2026-10-15T12:00:00Z', '1mo', 'America/New_York', '2026-11-15T13:00:00Z'],
    ['2026-10-15T12:00:00Z', '30d', 'America/New_York', '2026-11-14T12:00:00Z'],
    ['2026-10-15T12:00:00Z', 'forever', 'UTC', undefined],
  ])('%s + %s in %s', (from, retention, timezone, expected) => {
    expect(expiryOf(at(from), retention, timezone)).toBe(expected === undefined ? undefined : at(expected));
  });
});

describe('policy files that are used together', () => {
  it('have each a name of its own: of two with one name the last would win', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'policies-'));
    try {
      const files = ['a.yaml', 'b.yaml'].map((name) => path.join(folder, name));
      for (const file of files) writeFileSync(file, YAML);
      expect(() => readPolicyFiles(files)).toThrow(
        `${files[1]}: metadata.name: critical is the policy of ${files[0]} too`,
      );
      expect(readPolicyFiles(files.slice(0, 1))).toMatchObject([{ policyName: 'critical' }]);
      expect(() => readPolicyFiles([folder])).toThrow(`${files[1]}: metadata.name: critical`);
      writeFileSync(files[1] ?? '', YAML.replace('name: critical', 'name: other'));
      expect(readPolicyFiles([folder]).map(({ policyName }) => policyName)).toEqual(['critical', 'other']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are told all that is wrong with all of them, without the words of a library', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'policies-'));
    try {
      const [wrong, broken, empty] = ['a.yaml', 'b.yml', 'none'].map((name) => path.join(folder, name));
      writeFileSync(wrong ?? '', YAML.replace('rpo: 5h', 'rop: 5h'));
      writeFileSync(broken ?? '', 'a: [');
      mkdirSync(empty ?? '');
      const read = () => readPolicyFiles([folder, empty ?? '', path.join(folder, 'gone.yaml')]);
      for (const said of [
        `${wrong}:8: spec.rop: not a field`,
        `${broken}:1: not YAML`,
        `${empty}: a folder without .yaml files`,
        'gone.yaml: cannot be read: there is no such file',
      ])
        expect(read).toThrow(said);
      expect(read).not.toThrow(/ENOENT|EISDIR|parseAllDocuments|Flow|expected/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
