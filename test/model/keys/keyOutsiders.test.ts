import {
  outsideAccessWarning,
  outsidersByGrant,
  outsidersByPolicy,
} from '../../../src/model/keys/keyOutsiders';
import { isSamePolicy, keyPolicy } from '../../../src/model/keys/keyPolicy';

const target = { accountId: '111111111111', region: 'eu-west-1' };
const OTHER = 'arn:aws:iam::222222222222:root';

describe('whom a key lets in from outside of its account', () => {
  const by = (statement: object) =>
    outsidersByPolicy(
      { Version: '', Statement: [{ Effect: 'Allow', Action: 'kms:*', ...statement }] },
      target,
    ).map(({ principal }) => principal);

  it.each([
    ['an account', { Principal: { AWS: OTHER } }, [OTHER]],
    ['a bare account id', { Principal: { AWS: ['222222222222'] } }, ['222222222222']],
    ['everybody', { Principal: '*' }, ['*']],
    ['everybody but one', { NotPrincipal: { AWS: OTHER } }, ['* (all but some)']],
    [
      'everybody of an organization',
      { Principal: { AWS: '*' }, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } },
      ['*'],
    ],
    [
      'two accounts by condition',
      {
        Principal: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': ['111111111111', '222222222222'] } },
      },
      ['*'],
    ],
    ['its own account', { Principal: { AWS: 'arn:aws:iam::111111111111:root' } }, []],
    ['its own role', { Principal: { AWS: 'arn:aws:iam::111111111111:role/ops' } }, []],
    [
      'everybody of its own account',
      { Principal: '*', Condition: { StringEquals: { 'kms:CallerAccount': '111111111111' } } },
      [],
    ],
    ['a service', { Principal: { Service: 'logs.eu-west-1.amazonaws.com' } }, []],
    ['nobody, by a Deny', { Effect: 'Deny', Principal: '*' }, []],
  ])('by its policy: %s', (_what, statement, expected) => expect(by(statement)).toEqual(expected));

  it('by its grants: grantees elsewhere, and what other accounts granted', () => {
    const grants = [
      { GranteePrincipal: OTHER, Operations: ['Decrypt'] },
      { GranteePrincipal: 'arn:aws:sts::111111111111:assumed-role/aws:ec2-infrastructure/i-1' },
      { GranteePrincipal: 'arn:aws:iam::111111111111:role/x', IssuingAccount: OTHER },
      { GranteePrincipal: 'fsx.eu-west-1.amazonaws.com' },
    ];
    expect(outsidersByGrant(grants, target).map(({ principal }) => principal)).toEqual([
      OTHER,
      'arn:aws:iam::111111111111:role/x',
    ]);
  });

  it('says nothing of partners that were asked for, and all of others', () => {
    const outsiders = outsidersByPolicy(keyPolicy(target, ['222222222222']), target);
    expect(outsideAccessWarning('alias/a', { outsiders }, ['222222222222'])).toBeUndefined();
    expect(outsideAccessWarning('alias/a', { outsiders })).toContain(OTHER);
    expect(outsideAccessWarning('alias/a', { grantsNotRead: 'it needs kms:ListGrants' })).toContain(
      'not known',
    );
  });

  it('is the same whatever order KMS gives it in', () => {
    const policy = keyPolicy(target, ['222222222222']);
    const given = JSON.parse(
      JSON.stringify(policy).replaceAll('["kms:CreateGrant"]', '"kms:CreateGrant"'),
    ) as typeof policy;
    expect(isSamePolicy(policy, { ...given, Statement: [...given.Statement].reverse() })).toBe(true);
    expect(isSamePolicy(policy, keyPolicy(target))).toBe(false);
  });
});
