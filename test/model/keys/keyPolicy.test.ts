import {
  autoScalingRole,
  keyPolicy,
  partitionOf,
  partnersOf,
  usersOf,
  withPartners,
  withUsers,
} from '../../../src/model/keys/keyPolicy';

const TARGET = { accountId: '111111111111', region: 'us-east-1' };
const [ONE, TWO] = ['222222222222', '333333333333'] as const;

describe('the policy of a key', () => {
  const { Statement } = keyPolicy(TARGET);

  it('leaves administration to IAM policies of the account, and no use', () => {
    const [first] = Statement;
    expect(first).toMatchObject({ Principal: { AWS: 'arn:aws:iam::111111111111:root' } });
    expect(first?.Action).toEqual(expect.arrayContaining(['kms:Put*', 'kms:ScheduleKeyDeletion']));
    for (const use of ['kms:*', 'kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'])
      expect(first?.Action).not.toContain(use);
  });

  it('opens to others in the account only what EBS does for them through EC2', () => {
    for (const statement of Statement.slice(1)) {
      expect(statement.Condition).toMatchObject({
        StringEquals: {
          'kms:CallerAccount': '111111111111',
          'kms:ViaService': 'ec2.us-east-1.amazonaws.com',
        },
      });
    }
  });

  it('lets users make grants for EBS only', () => {
    const granting = Statement.slice(1).filter(({ Action }) =>
      (Action as string[]).includes('kms:CreateGrant'),
    );
    expect(granting).not.toHaveLength(0);
    for (const { Condition } of granting)
      expect(Condition).toMatchObject({ Bool: { 'kms:GrantIsForAWSResource': 'true' } });
  });

  it('names nobody else', () => {
    expect(partnersOf(keyPolicy(TARGET))).toEqual([]);
    expect(JSON.stringify(Statement)).not.toContain(ONE);
  });

  it('never names AWS accounts but by condition or id', () => {
    for (const { Principal, Condition } of keyPolicy(TARGET, [ONE]).Statement)
      if ((Principal as { AWS: unknown }).AWS === '*') expect(Condition).toBeDefined();
  });
});

describe('partners in a policy', () => {
  it('are exactly those that are given, and change nothing else', () => {
    const custom = { Sid: 'mine', Effect: 'Allow', Principal: '*', Action: ['kms:Get*'], Resource: '*' };
    const policy = { Version: '2012-10-17', Statement: [custom] };
    const both = withPartners(policy, TARGET, [TWO, ONE]);
    expect(partnersOf(both)).toEqual([ONE, TWO]);
    expect(both.Statement[0]).toBe(custom);
    expect(partnersOf(withPartners(both, TARGET, [TWO]))).toEqual([TWO]);
    expect(withPartners(both, TARGET, [])).toEqual(policy);
  });

  it('are found where KMS gives a list of one back as a string', () => {
    const policy = keyPolicy(TARGET, [ONE]);
    const stored = JSON.parse(
      JSON.stringify(policy).replaceAll(`["arn:aws:iam::${ONE}:root"]`, `"arn:aws:iam::${ONE}:root"`),
    ) as typeof policy;
    expect(stored).not.toEqual(policy);
    expect(partnersOf(stored)).toEqual([ONE]);
  });

  it('may use the key through EC2 only, and cannot encrypt or manage', () => {
    const before = keyPolicy(TARGET).Statement.length;
    const added = keyPolicy(TARGET, [ONE]).Statement.slice(before);
    const actions = added.flatMap(({ Action }) => Action as string[]);
    expect(actions.sort()).toEqual([
      'kms:CreateGrant',
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ]);
    for (const { Action, Condition } of added)
      if (!(Action as string[]).includes('kms:DescribeKey'))
        expect(Condition).toMatchObject({ StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } });
  });
});

it.each([
  ['us-east-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
])('the partition of %s is %s', (region, partition) => {
  expect(partitionOf(region)).toBe(partition);
});

describe('users in a policy', () => {
  const OPS = 'arn:aws:iam::111111111111:role/ops';

  it('are exactly those that are given, beside Auto Scaling; without any, all of the account', () => {
    const policy = keyPolicy(TARGET, [ONE], [OPS]);
    expect(usersOf(policy, TARGET)).toEqual([OPS]);
    expect(JSON.stringify(policy)).toContain(autoScalingRole(TARGET));
    expect(partnersOf(policy)).toEqual([ONE]);
    expect(withUsers(policy, TARGET)).toEqual(keyPolicy(TARGET, [ONE]));
    expect(usersOf(keyPolicy(TARGET), TARGET)).toBeUndefined();
  });
});
