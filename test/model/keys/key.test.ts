import { parseInput } from '../../../src/model/input';
import { createCustomerManagedKeyInput, defaultAlias } from '../../../src/model/keys/key';

const ASKED = { description: 'EBS production', keyUsage: 'ENCRYPT_DECRYPT' };

function problemsOf(more: object): string {
  const parsed = parseInput(createCustomerManagedKeyInput, { ...ASKED, ...more });
  return parsed.ok ? 'none' : parsed.problems;
}

describe('the input of createCustomerManagedKey', () => {
  it('takes what the labs give', () => {
    expect(problemsOf({})).toBe('none');
  });

  it.each(['ebs', 'alias/ebs'])('knows alias %s as alias/ebs', (alias) => {
    const parsed = parseInput(createCustomerManagedKeyInput, { ...ASKED, alias });
    expect(parsed).toMatchObject({ ok: true, value: { alias: 'alias/ebs' } });
  });

  it.each([
    [{ alias: 'alias/aws/ebs' }, 'alias: aliases that begin with alias/aws/ belong to AWS'],
    [{ alias: 'aws/ebs' }, 'alias: aliases that begin with alias/aws/ belong to AWS'],
    [{ alias: 'my key' }, 'alias: use letters'],
    [{ alias: 'x'.repeat(251) }, 'alias: at most 256'],
    [{ rotationDays: 89 }, 'rotationDays: KMS rotates every 90 to 2560 days'],
    [{ rotationDays: 2561 }, 'rotationDays: KMS rotates every 90 to 2560 days'],
    [{ rotationDays: 100.5 }, 'rotationDays: a whole number'],
    [{ keyUsage: 'SIGN_VERIFY' }, 'keyUsage: EBS takes keys for ENCRYPT_DECRYPT only'],
    [{ description: '日本' }, 'alias: the description has no letters'],
    [{ replicaRegions: ['Ireland'] }, 'replicaRegions[0]: not an AWS region'],
    [{ replicaRegions: ['eu-west-1', 'eu-west-1'] }, 'replicaRegions: names a region twice'],
    [{ users: ['ann'] }, 'users[0]: write ARNs of roles'],
    [{ rotateNow: 'yes' }, 'rotateNow'],
    [{ partnerAccounts: ['1'] }, 'partnerAccounts[0]: an AWS account id has 12 digits'],
    [{ partnerAccounts: [] }, 'partnerAccounts: name at least one'],
    [
      { partnerAccounts: ['111111111111', '111111111111'] },
      'partnerAccounts[1]: account 111111111111 is listed',
    ],
    [{ rotation: 90 }, 'rotation: not a field'],
  ])('refuses %j', (more, problem) => {
    expect(problemsOf(more)).toContain(problem);
  });

  it.each([90, 2560])('takes a rotation of %d days', (rotationDays) => {
    expect(problemsOf({ rotationDays })).toBe('none');
  });
});

describe('the default alias', () => {
  it.each([
    ['EBS production (eu)', 'alias/ebs-production-eu'],
    ['  Spaces  ', 'alias/spaces'],
    ['a'.repeat(500), `alias/${'a'.repeat(120)}`],
    ['…', undefined],
  ])('of %j is %s', (description, alias) => {
    expect(defaultAlias(description)).toBe(alias);
  });
});
