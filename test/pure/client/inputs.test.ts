import { inputProblems } from '../../../src/client/inputs';
import { summaryOf } from '../../../src/client/summary';
import { OPERATION_NAMES } from '../../../src/model/operations';

describe('an input is checked before anything starts', () => {
  it('by the schema of its own workflow', () => {
    expect(inputProblems('runBackup', {})).toBe('policyName: missing; give a text in quotes');
    expect(inputProblems('runBackup', { policyName: 'critical' })).toBeUndefined();
    expect(inputProblems('encryptVolumes', { kmsKeyId: 7, dryrun: true, instanceIds: ['i-1'] })).toMatch(
      /kmsKeyId: .*; dryrun: not a field/,
    );
  });

  it('also where a Schedule’s policy is given to a run', () => {
    expect(inputProblems('runBackup', { schemaVersion: 1 })).toContain('policyName: missing');
  });

  it('as it is sent: what is undefined is not', () => {
    expect(inputProblems('runBackup', { policyName: 'critical', policy: undefined })).toBeUndefined();
  });

  it.each(OPERATION_NAMES)('of %s, and nothing at all is no input', (name) => {
    expect(inputProblems(name, undefined)).toContain('must be one JSON object, but it is missing');
  });
});

describe('the summary of a run', () => {
  it.each([
    ['runBackup', { policyName: 'critical' }, 'Run backup: critical'],
    [
      'encryptVolumes',
      { instanceIds: ['i-1', 'i-2', 'i-3'] },
      'Encrypt existing volumes: i-1, i-2 and 1 more',
    ],
    [
      'encryptVolumes',
      { selector: { tags: { all: { role: ['db', 'web'] } } }, dryRun: true },
      'Encrypt existing volumes: role=db|web (dry run)',
    ],
    ['enforceExpiry', {}, 'Enforce expiry'],
  ] as const)('of %s with %j tells what it is about', (name, input, said) => {
    expect(summaryOf(name, input)).toBe(said);
  });

  it('is short, however long the ids are', () => {
    expect(summaryOf('runBackup', { policyName: 'x'.repeat(1000) }).length).toBeLessThanOrEqual(200);
  });
});
