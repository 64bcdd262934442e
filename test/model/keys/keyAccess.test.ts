import { decideByKeyPolicy, type KeyDecision, type KeyRequest } from '../../../src/model/keys/keyAccess';
import { keyPolicy, type KeyPolicy } from '../../../src/model/keys/keyPolicy';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/starter`;
const TARGET = { accountId: ACCOUNT, region: 'eu-west-1' };

const request = (more: Partial<KeyRequest> = {}): KeyRequest => ({
  action: 'kms:CreateGrant',
  accountId: ACCOUNT,
  arns: [ROLE],
  context: {
    'kms:grantisforawsresource': 'true',
    'kms:viaservice': 'ec2.eu-west-1.amazonaws.com',
    'kms:calleraccount': ACCOUNT,
    'aws:principalarn': ROLE,
  },
  ...more,
});
const policy = (...Statement: object[]): KeyPolicy => ({
  Version: '2012-10-17',
  Statement: Statement as KeyPolicy['Statement'],
});
const allow = (AWS: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS },
  Action: 'kms:*',
  Resource: '*',
  ...more,
});
const when = (operator: string, key: string, value: unknown) => ({
  Condition: { [operator]: { [key]: value } },
});

describe('what a key policy says of a grant', () => {
  it.each<[string, KeyPolicy, KeyDecision]>([
    ['nothing', policy(), 'silent'],
    ['the account’s own policies decide', policy(allow(`arn:aws:iam::${ACCOUNT}:root`)), 'account'],
    ['the account by its id', policy(allow(ACCOUNT)), 'account'],
    ['another account', policy(allow('arn:aws:iam::999999999999:root')), 'silent'],
    ['the role itself', policy(allow(ACCOUNT), allow([ROLE])), 'allow'],
    ['everybody', policy(allow('*')), 'allow'],
    ['another action', policy(allow('*', { Action: ['kms:Decrypt', 'kms:List*'] })), 'silent'],
    ['actions by pattern, in any case', policy(allow('*', { Action: 'KMS:create*' })), 'allow'],
    ['all but some actions', policy(allow('*', { NotAction: 'kms:CreateGrant' })), 'silent'],
    ['a denial', policy(allow('*'), { ...allow(ROLE), Effect: 'Deny' }), 'deny'],
    [
      'a denial of all others',
      policy(allow('*'), { Effect: 'Deny', NotPrincipal: { AWS: ROLE }, Action: '*' }),
      'allow',
    ],
    ['a condition that holds', policy(allow('*', when('Bool', 'kms:GrantIsForAWSResource', true))), 'allow'],
    [
      'one that does not',
      policy(allow('*', when('StringEquals', 'kms:ViaService', 'rds.eu-west-1.amazonaws.com'))),
      'silent',
    ],
    [
      'one by pattern',
      policy(allow('*', when('StringLike', 'kms:ViaService', 'ec2.*.amazonaws.com'))),
      'allow',
    ],
    [
      'one that is negated',
      policy(allow('*', when('StringNotEquals', 'kms:CallerAccount', ACCOUNT))),
      'silent',
    ],
    [
      'another principal by condition',
      policy(allow('*', when('ArnLike', 'aws:PrincipalArn', '*role/other'))),
      'silent',
    ],
    [
      'a condition that nobody knows',
      policy(allow('*', when('StringEquals', 'aws:PrincipalOrgID', 'o-1'))),
      'unknown',
    ],
    [
      'a set of grant operations',
      policy(allow('*', when('ForAllValues:StringEquals', 'kms:GrantOperations', 'Decrypt'))),
      'unknown',
    ],
    [
      'one way that is known beside one that is not',
      policy(allow('*', when('StringEquals', 'aws:PrincipalOrgID', 'o-1')), allow(ROLE)),
      'allow',
    ],
    [
      'a denial on what nobody knows',
      policy(allow('*'), {
        ...allow('*', when('StringNotEquals', 'aws:PrincipalOrgID', 'o-1')),
        Effect: 'Deny',
      }),
      'unknown',
    ],
  ])('%s', (_, document, decision) => {
    expect(decideByKeyPolicy(document, request())).toBe(decision);
  });

  it('opens a key that Holdfast made to everybody of the account, or to the named roles only', () => {
    expect(decideByKeyPolicy(keyPolicy(TARGET), request())).toBe('allow');
    expect(decideByKeyPolicy(keyPolicy(TARGET, [], [ROLE]), request())).toBe('allow');
    const other = 'arn:aws:iam::111122223333:role/other';
    // IAM policies may still allow it: grants are part of a key's administration.
    expect(decideByKeyPolicy(keyPolicy(TARGET, [], [other]), request())).toBe('account');
  });
});
