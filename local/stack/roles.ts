import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

const REGION = 'us-east-1';

/** The local AWS takes keys that nobody made for those of the management account's root. */
const ROOT: Credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface Role {
  accountId: string;
  name: string;
  /** Account ids or principals that may assume it. */
  trusts: string[];
  externalId?: string;
  /** What it may do; everything when left out. */
  statements?: object[];
}

export const roleArn = (accountId: string, name: string): string => `arn:aws:iam::${accountId}:role/${name}`;

/** As the administrator of a member account: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html */
export function administrator(endpoint: string, accountId: string): Promise<Credentials> {
  return assumeRole(endpoint, roleArn(accountId, 'OrganizationAccountAccessRole'));
}

/** @throws the SDK's AccessDenied where the role does not exist or does not trust the caller */
export async function assumeRole(
  endpoint: string,
  arn: string,
  { credentials = ROOT, externalId }: { credentials?: Credentials; externalId?: string } = {},
): Promise<Credentials> {
  const sts = new STSClient({ region: REGION, endpoint, credentials });
  try {
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'local', ExternalId: externalId }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey)
      throw new Error(`the local AWS gave no credentials for ${arn}`);
    const { AccessKeyId, SecretAccessKey, SessionToken } = given;
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  } finally {
    sts.destroy();
  }
}

/** @returns the role's ARN */
export async function createRole(endpoint: string, credentials: Credentials, role: Role): Promise<string> {
  const { accountId, name, trusts, externalId, statements = [EVERYTHING] } = role;
  const iam = new IAMClient({ region: REGION, endpoint, credentials });
  const trust = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { AWS: trusts },
    ...(externalId && { Condition: { StringEquals: { 'sts:ExternalId': externalId } } }),
  };
  try {
    await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: policyOf([trust]) }));
    await iam.send(
      new PutRolePolicyCommand({ RoleName: name, PolicyName: name, PolicyDocument: policyOf(statements) }),
    );
    return roleArn(accountId, name);
  } finally {
    iam.destroy();
  }
}

const EVERYTHING = { Effect: 'Allow', Action: '*', Resource: '*' };

const policyOf = (Statement: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement });
