import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { administrator } from '../../local/stack/roles';
import { HOME_REGION, type TestAccount } from './accounts';

const PolicyName = 'denied-by-test';

/** What the account's role for Holdfast may not do while `act` runs. */
export async function denied<Result>(
  endpoint: string,
  { accountId, roleArn }: TestAccount,
  statements: object[],
  act: () => Promise<Result>,
): Promise<Result> {
  const RoleName = roleArn.split('/').at(-1);
  const credentials = await administrator(endpoint, accountId);
  const iam = new IAMClient({ region: HOME_REGION, endpoint, credentials });
  const Statement = statements.map((each) => ({ Effect: 'Deny', Resource: '*', ...each }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  try {
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
    return await act();
  } finally {
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
    iam.destroy();
  }
}
