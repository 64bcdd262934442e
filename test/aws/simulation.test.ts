import { IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { createRole } from '../../local/stack/roles';
import { anAccount, HOME_REGION, type TestAccount } from '../support/accounts';
import { shared } from '../support/shared';

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html */
describe('the policy simulator', () => {
  let account: TestAccount;
  let iam: IAMClient;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    const { credentials } = account;
    iam = new IAMClient({ region: HOME_REGION, endpoint: shared('awsEndpoint'), credentials });
  });
  afterAll(() => {
    iam.destroy();
    account.destroy();
  });

  const role = (name: string, statements: object[]) =>
    createRole(shared('awsEndpoint'), account.credentials, {
      accountId: account.accountId,
      name,
      trusts: [account.accountId],
      statements,
    });
  const decision = async (PolicySourceArn: string, values: Record<string, string> = {}) => {
    const ContextEntries = Object.entries(values).map(([ContextKeyName, value]) => ({
      ContextKeyName,
      ContextKeyType: 'string' as const,
      ContextKeyValues: [value],
    }));
    const ActionNames = ['kms:CreateGrant'];
    const asked = { PolicySourceArn, ActionNames, ResourceArns: [KEY], ContextEntries };
    const { EvaluationResults } = await iam.send(new SimulatePrincipalPolicyCommand(asked));
    return EvaluationResults?.[0];
  };

  it('decides by the policies of a role', async () => {
    const allow = (Action: string, more: object = {}) => ({
      Effect: 'Allow',
      Action,
      Resource: '*',
      ...more,
    });
    const starter = await role('starter', [allow('ec2:StartInstances')]);
    expect(await decision(starter)).toMatchObject({
      EvalActionName: 'kms:CreateGrant',
      EvalResourceName: KEY,
      EvalDecision: 'implicitDeny',
    });
    expect(await decision(await role('user', [allow('kms:*')]))).toMatchObject({ EvalDecision: 'allowed' });
    const denied = [allow('kms:*'), { Effect: 'Deny', Action: 'kms:CreateGrant', Resource: '*' }];
    expect(await decision(await role('denied', denied))).toMatchObject({ EvalDecision: 'explicitDeny' });
  });

  it('takes the values of condition keys, and names those that it misses', async () => {
    const Condition = { StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } };
    const arn = await role('via', [{ Effect: 'Allow', Action: 'kms:*', Resource: '*', Condition }]);
    expect(await decision(arn)).toMatchObject({
      EvalDecision: 'implicitDeny',
      MissingContextValues: [expect.stringMatching(/kms:viaservice/i)],
    });
    expect(await decision(arn, { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' })).toMatchObject({
      EvalDecision: 'allowed',
    });
  });

  it('knows no role that is gone, and no root', async () => {
    const arn = `arn:aws:iam::${account.accountId}:role/gone`;
    await expect(decision(arn)).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    const root = `arn:aws:iam::${account.accountId}:root`;
    await expect(decision(root)).rejects.toThrow();
  });
});
