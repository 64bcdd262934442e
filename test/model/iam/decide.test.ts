import { decide, type Decision, type Policy, type PolicyRequest } from '../../../src/model/iam/decide';
import { keyPolicy } from '../../../src/model/keys/keyPolicy';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/starter`;
const TARGET = { accountId: ACCOUNT, region: 'eu-west-1' };

const request = (more: Partial<PolicyRequest> = {}): PolicyRequest => ({
  action: 'kms:CreateGrant',
  principal: { accountId: ACCOUNT, arns: [ROLE] },
  context: {
    'kms:grantisforawsresource': 'true',
    'kms:viaservice': 'ec2.eu-west-1.amazonaws.com',
    'kms:calleraccount': ACCOUNT,
    'aws:principalarn': ROLE,
  },
  ...more,
});
const policy = (...Statement: object[]): Policy => ({
  Version: '2012-10-17',
  Statement: Statement as Policy['Statement'],
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

const OTHER = `arn:aws:iam::${ACCOUNT}:role/other`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/starter/monday`;
const denyAllBut = (...AWS: string[]) => ({
  ...{ Effect: 'Deny', NotPrincipal: { AWS } },
  ...{ Action: 'kms:*', Resource: '*' },
});

describe('what a key policy says of a grant', () => {
  it.each<[string, Policy, Decision]>([
    ['nothing', policy(), 'silent'],
    ['the account’s own policies decide', policy(allow(`arn:aws:iam::${ACCOUNT}:root`)), 'account'],
    ['the account by its id', policy(allow(ACCOUNT)), 'account'],
    ['another account', policy(allow('arn:aws:iam::999999999999:root')), 'silent'],
    ['the role itself', policy(allow(ACCOUNT), allow([ROLE])), 'allow'],
    ['everybody', policy(allow('*')), 'allow'],
    ['another action', policy(allow('*', { Action: ['kms:Decrypt', 'kms:List*'] })), 'silent'],
    ['actions by pattern, in any case', policy(allow('*', { Action: 'KMS:create*' })), 'allow'],
    ['all but some actions', policy(allow('*', { NotAction: 'kms:CreateGrant' })), 'silent'],
    ['what names no resource, and has no effect', policy(allow(ROLE, { Resource: undefined })), 'silent'],
    [
      'a denial of no resource',
      policy(allow(ROLE), { ...allow(ROLE, { Resource: undefined }), Effect: 'Deny' }),
      'allow',
    ],
    ['a denial', policy(allow('*'), { ...allow(ROLE), Effect: 'Deny' }), 'deny'],
    ['a denial of all others', policy(allow('*'), { ...denyAllBut(ROLE, ACCOUNT), Action: '*' }), 'allow'],
    [
      'a denial of all but the role, which its account may fall under',
      policy(allow('*'), denyAllBut(ROLE)),
      'unknown',
    ],
    ['a denial of all but the account', policy(allow('*'), denyAllBut(ACCOUNT)), 'unknown'],
    ['a denial of all but somebody else', policy(allow('*'), denyAllBut('999999999999')), 'deny'],
    ['a denial of nobody', policy(allow('*'), denyAllBut('*')), 'allow'],
    [
      'all but somebody else, which no page supports',
      policy({ ...denyAllBut(OTHER), Effect: 'Allow' }),
      'unknown',
    ],
    ['nobody that is said', policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }), 'unknown'],
    ['a session of the role', policy(allow(SESSION)), 'unknown'],
    ['a session of another role', policy(allow(SESSION.replace('starter', 'other'))), 'silent'],
    ['a role that is gone', policy(allow('AROAEXAMPLE')), 'silent'],
    ['a service', policy({ ...allow('*'), Principal: { Service: 'ec2.amazonaws.com' } }), 'silent'],
    ['no wildcards in a name', policy(allow(`arn:aws:iam::${ACCOUNT}:role/*`)), 'silent'],
    ['a dot in an action', policy(allow('*', { Action: 'kms.CreateGrant' })), 'silent'],
    ['an action by single characters', policy(allow('*', { Action: 'kms:Create?rant' })), 'allow'],
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
      'a denial on what nobody knows, of what nothing allows',
      policy({ ...allow('*', when('StringEquals', 'aws:PrincipalOrgID', 'o-1')), Effect: 'Deny' }),
      'silent',
    ],
    [
      'one that only a caller of elsewhere meets',
      policy(allow('*', when('StringEqualsIfExists', 'kms:ViaService', 'rds.eu-west-1.amazonaws.com'))),
      'silent',
    ],
    [
      'the account’s own policies beside a condition that nobody knows',
      policy(allow('*', when('StringEquals', 'aws:PrincipalOrgID', 'o-1')), allow(ACCOUNT)),
      'account',
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
    expect(decide(document, request())).toBe(decision);
  });

  it('opens a key that Holdfast made to everybody of the account, or to the named roles only', () => {
    expect(decide(keyPolicy(TARGET), request())).toBe('allow');
    expect(decide(keyPolicy(TARGET, [], [ROLE]), request())).toBe('allow');
    const other = 'arn:aws:iam::111122223333:role/other';
    // IAM policies may still allow it: grants are part of a key's administration.
    expect(decide(keyPolicy(TARGET, [], [other]), request())).toBe('account');
  });
});

describe('what a key policy says of a principal', () => {
  const says = (names: string | string[], arns: string[]) =>
    decide(policy(allow(names)), request({ principal: { accountId: ACCOUNT, arns } }));

  it('whose session is known, by that session', () => {
    expect(says(SESSION, [ROLE, SESSION])).toBe('allow');
    expect(says(SESSION.replace('monday', 'friday'), [ROLE, SESSION])).toBe('silent');
  });

  it('whose name nobody knows', () => {
    expect(says(ROLE, [])).toBe('unknown');
    expect(says('arn:aws:iam::999999999999:role/starter', [])).toBe('silent');
    expect(says([ROLE, ACCOUNT], [])).toBe('account');
  });

  it('with a path, and of another partition', () => {
    const role = `arn:aws-cn:iam::${ACCOUNT}:role/ops/starter`;
    expect(says(SESSION, [role])).toBe('unknown');
    expect(says(`arn:aws-cn:iam::${ACCOUNT}:root`, [role])).toBe('account');
  });
});

describe('what a policy of a principal’s own says of a resource', () => {
  const VOLUME = `arn:aws:ec2:eu-west-1:${ACCOUNT}:volume/vol-1`;
  const says = (statement: object) =>
    decide(policy({ Effect: 'Allow', Action: 'ec2:*', ...statement }), {
      action: 'ec2:DeleteVolume',
      resource: VOLUME,
      context: { 'aws:PrincipalTag/volume': 'vol-1' },
    });

  it.each<[string, object, Decision]>([
    ['all', { Resource: '*' }, 'allow'],
    ['one', { Resource: VOLUME }, 'allow'],
    ['volumes by pattern', { Resource: ['arn:aws:ec2:*:*:snapshot/*', 'arn:aws:ec2:*:*:volume/*'] }, 'allow'],
    ['snapshots', { Resource: 'arn:aws:ec2:*:*:snapshot/*' }, 'silent'],
    ['beyond the colons', { Resource: 'arn:aws:ec2:*' }, 'allow'],
    ['all but volumes', { NotResource: 'arn:aws:ec2:*:*:volume/*' }, 'silent'],
    ['all but snapshots', { NotResource: 'arn:aws:ec2:*:*:snapshot/*' }, 'allow'],
    ['a variable', { Resource: 'arn:aws:ec2:*:*:volume/${aws:PrincipalTag/volume}' }, 'allow'],
    ['a variable that nobody knows', { Resource: 'arn:aws:ec2:*:*:volume/${aws:userid}' }, 'unknown'],
    ['an asterisk', { Resource: 'arn:aws:ec2:*:*:volume/${*}' }, 'silent'],
    ['a denial', { Resource: '*', Effect: 'Deny' }, 'deny'],
  ])('%s', (_, statement, decision) => {
    expect(says(statement)).toBe(decision);
  });
});
