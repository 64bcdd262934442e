import { autoScalingRole, keyPolicy, type KeyPolicy } from '../../../src/model/keys/keyPolicy';
import { autoScalingMayUse, EBS_OPERATIONS, ebsMayUse } from '../../../src/model/keys/keyUse';

const TARGET = { accountId: '111111111111', region: 'eu-central-1' };
const ROLE = 'arn:aws:iam::111111111111:role/migrate';
const USER = { target: TARGET, keyAccountId: TARGET.accountId, roleArn: ROLE };

const policyOf = (...statements: object[]): KeyPolicy => ({
  Version: '2012-10-17',
  Statement: statements.map((each) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...each })),
});
const by = (AWS: string | string[], more: object = {}) => ({ Principal: { AWS }, ...more });
const denied = { Effect: 'Deny' };
const given = (Condition: object) => by(ROLE, { Condition });

describe('whether EBS may use a key on behalf of a role', () => {
  it.each<[string, string, object[]]>([
    ['yes', 'the role by name', [by(ROLE)]],
    ['yes', 'the role among others', [by(['arn:aws:iam::111111111111:role/other', ROLE])]],
    ['yes', 'everybody', [{ Principal: '*' }]],
    ['yes', 'by a pattern of actions', [by(ROLE, { Action: ['kms:Create*', 'kms:Describe*'] })]],
    ['yes', 'all but some actions', [by(ROLE, { Action: undefined, NotAction: 'kms:Schedule*' })]],
    ['yes', 'through EC2', [given({ StringEquals: { 'kms:ViaService': 'ec2.eu-central-1.amazonaws.com' } })]],
    ['yes', 'through EC2 anywhere', [given({ StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } })]],
    ['yes', 'for AWS resources', [given({ Bool: { 'kms:GrantIsForAWSResource': true } })]],
    [
      'yes',
      'roles by pattern',
      [by('*', { Condition: { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/mig*' } } })],
    ],
    [
      'perhaps',
      'roles by a pattern that is no ARN',
      [by('*', { Condition: { ArnLike: { 'aws:PrincipalArn': '*:role/mig*' } } })],
    ],
    [
      'yes',
      'not through S3',
      [given({ StringNotEquals: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com' } })],
    ],
    ['perhaps', 'the account, whose IAM policies decide', [by('arn:aws:iam::111111111111:root')]],
    ['perhaps', 'the account by its id', [by('111111111111')]],
    ['perhaps', 'a session of its account', [by('arn:aws:sts::111111111111:assumed-role/migrate/holdfast')]],
    [
      'perhaps',
      'under a condition nobody here knows',
      [given({ StringEquals: { 'aws:SourceVpce': 'vpce-1' } })],
    ],
    [
      'perhaps',
      'by an operator nobody here knows',
      [given({ DateLessThan: { 'aws:CurrentTime': '2030-01-01' } })],
    ],
    [
      'perhaps',
      'the role, but for a denial that may hold',
      [
        by(ROLE),
        { Effect: 'Deny', Principal: '*', Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } },
      ],
    ],
    [
      'yes',
      'any of several values',
      [given({ 'ForAnyValue:StringEquals': { 'aws:RequestedRegion': 'eu-central-1' } })],
    ],
    ['yes', 'the name of a key that is there', [given({ Null: { 'kms:ViaService': 'false' } })]],
    [
      'yes',
      'the role, but for a denial of all others',
      [by(ROLE), { ...denied, NotPrincipal: { AWS: [ROLE, '111111111111'] } }],
    ],
    [
      'no',
      'the role, but for a denial of all of other accounts',
      [by(ROLE), { ...denied, NotPrincipal: { AWS: '222222222222' } }],
    ],
    ['no', 'a session of another role', [by('arn:aws:sts::111111111111:assumed-role/other/holdfast')]],
    ['no', 'nobody', []],
    ['no', 'another role', [by('arn:aws:iam::111111111111:role/other')]],
    ['no', 'another account', [by('arn:aws:iam::222222222222:root')]],
    ['no', 'other actions', [by(ROLE, { Action: ['kms:Describe*', 'kms:List*'] })]],
    [
      'no',
      'through another service',
      [given({ StringEquals: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com' } })],
    ],
    [
      'no',
      'through EC2 of another region',
      [given({ StringEquals: { 'kms:ViaService': 'ec2.eu-west-1.amazonaws.com' } })],
    ],
    ['no', 'another caller’s account', [given({ StringEquals: { 'kms:CallerAccount': '222222222222' } })]],
    ['no', 'the role, and denied to all', [by(ROLE), { Effect: 'Deny', Principal: '*' }]],
    [
      'no',
      'the role, and denied to its account',
      [by(ROLE), { Effect: 'Deny', ...by('arn:aws:iam::111111111111:root') }],
    ],
    ['no', 'a service', [{ Principal: { Service: 'rds.amazonaws.com' } }]],
  ])('is answered %s where the policy allows %s', (verdict, _, statements) => {
    expect(ebsMayUse(policyOf(...statements), 'CreateGrant', USER)).toBe(verdict);
  });

  it('does not read a name as a pattern', () => {
    const odd = given({ StringEquals: { 'kms:ViaService': 'ec2*' } });
    expect(ebsMayUse(policyOf(odd), 'Decrypt', USER)).toBe('no');
  });

  it('knows that only grants are for AWS resources', () => {
    const policy = policyOf(given({ Bool: { 'kms:GrantIsForAWSResource': 'true' } }));
    expect(ebsMayUse(policy, 'Decrypt', USER)).toBe('no');
    const others = policyOf(given({ Null: { 'kms:GrantIsForAWSResource': 'true' } }));
    expect(ebsMayUse(others, 'Decrypt', USER)).toBe('yes');
    expect(ebsMayUse(others, 'CreateGrant', USER)).toBe('no');
    const either = policyOf(given({ BoolIfExists: { 'kms:GrantIsForAWSResource': 'true' } }));
    expect(ebsMayUse(either, 'Decrypt', USER)).toBe('yes');
  });

  it('is decided by IAM policies as well where the key is of another account', () => {
    expect(ebsMayUse(policyOf(by(ROLE)), 'Decrypt', { ...USER, keyAccountId: '222222222222' })).toBe(
      'perhaps',
    );
  });

  it('leaves it open for credentials whose name is not known, unless nobody of the account is named', () => {
    const nameless = { ...USER, roleArn: undefined };
    expect(ebsMayUse(policyOf(by(ROLE)), 'Decrypt', nameless)).toBe('perhaps');
    expect(ebsMayUse(policyOf(by('arn:aws:iam::222222222222:role/other')), 'Decrypt', nameless)).toBe('no');
  });

  it.each(EBS_OPERATIONS)('is answered for keys that Holdfast makes: %s', (operation) => {
    expect(ebsMayUse(keyPolicy(TARGET), operation, USER)).toBe('yes');
    expect(ebsMayUse(keyPolicy(TARGET, [], [ROLE]), operation, USER)).toBe('yes');
    const others = keyPolicy(TARGET, [], ['arn:aws:iam::111111111111:role/other']);
    // Of grants the account decides by its IAM policies, with the key's administration.
    expect(ebsMayUse(others, operation, USER)).toBe(
      ['CreateGrant', 'DescribeKey'].includes(operation) ? 'perhaps' : 'no',
    );
  });
});

describe('whether Auto Scaling may use a key', () => {
  const OPS = 'arn:aws:iam::111111111111:role/ops';
  const only = (Statement: object) => ({ Version: '2012-10-17', Statement: [Statement as never] });
  const grants = { Effect: 'Allow', Action: 'kms:CreateGrant', Resource: '*' };
  it.each([
    ['everybody of the account through EC2', keyPolicy(TARGET), 'yes'],
    ['named users and its own role', keyPolicy(TARGET, [], [OPS]), 'yes'],
    ['its own role alone', only({ ...grants, Principal: { AWS: [autoScalingRole(TARGET)] } }), 'yes'],
    ['IAM policies only', only({ ...grants, Principal: { AWS: 'arn:aws:iam::111111111111:root' } }), 'no'],
    ['another role', only({ ...grants, Principal: { AWS: OPS } }), 'no'],
    ['no grants', only({ ...grants, Action: ['kms:Decrypt'], Principal: '*' }), 'no'],
    [
      'others by condition',
      only({ ...grants, Principal: '*', Condition: { ArnLike: { 'aws:PrincipalArn': OPS } } }),
      'no',
    ],
    ['a denial', only({ ...grants, Effect: 'Deny', Principal: '*' }), 'no'],
    [
      'another service',
      only({
        ...grants,
        Principal: '*',
        Condition: { StringEquals: { 'kms:ViaService': 'rds.eu-central-1.amazonaws.com' } },
      }),
      'no',
    ],
    [
      'what only KMS knows',
      only({ ...grants, Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }),
      'perhaps',
    ],
    ['a pattern of actions', only({ ...grants, Action: 'kms:Create*', Principal: '*' }), 'yes'],
    ['any action by another pattern', only({ ...grants, Action: 'kms:*Grant', Principal: '*' }), 'yes'],
  ])('is answered for one that is open to %s: %#', (_, policy, may) => {
    expect(autoScalingMayUse(policy, TARGET)).toBe(may);
  });
});
