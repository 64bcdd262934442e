import { randomInt } from 'node:crypto';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { KMSClient } from '@aws-sdk/client-kms';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { AccountsFile } from '../../src/aws/accounts';
import { administrator, assumeRole, createRole, type Credentials } from '../../local/stack/roles';

export const HOME_REGION = 'us-east-1';

/** An account that nobody else uses, and clients that act in it around Holdfast and around the fault rules. */
export interface TestAccount {
  accountId: string;
  roleArn: string;
  credentials: Credentials;
  ec2(region?: string): EC2Client;
  kms(region?: string): KMSClient;
  serviceQuotas(region?: string): ServiceQuotasClient;
  elbv2(region?: string): ElasticLoadBalancingV2Client;
  /** An image to start instances from, where the account cannot register one of nothing. */
  baseImage?(region: string): Promise<string>;
  destroy(): void;
}

type AnyClient = EC2Client | ElasticLoadBalancingV2Client | KMSClient | ServiceQuotasClient;

/** A fresh account: the local AWS keeps one world per account id, and this id is random. */
export async function anAccount(endpoint: string): Promise<TestAccount> {
  const accountId = `${randomInt(100_000, 999_999)}${randomInt(100_000, 999_999)}`;
  const admin = await administrator(endpoint, accountId);
  const roleArn = await createRole(endpoint, admin, { accountId, name: 'holdfast', trusts: ['*'] });
  const credentials = await assumeRole(endpoint, roleArn);
  const clients = new Map<string, AnyClient>();
  const client = <Client extends AnyClient>(key: string, make: () => Client): Client => {
    const known = clients.get(key) ?? make();
    clients.set(key, known);
    return known as Client;
  };
  return {
    accountId,
    roleArn,
    credentials,
    ec2: (region = HOME_REGION) =>
      client(`ec2/${region}`, () => new EC2Client({ region, endpoint, credentials })),
    kms: (region = HOME_REGION) =>
      client(`kms/${region}`, () => new KMSClient({ region, endpoint, credentials })),
    serviceQuotas: (region = HOME_REGION) =>
      client(`quotas/${region}`, () => new ServiceQuotasClient({ region, endpoint, credentials })),
    elbv2: (region = HOME_REGION) =>
      client(`elbv2/${region}`, () => new ElasticLoadBalancingV2Client({ region, endpoint, credentials })),
    destroy: () => clients.forEach((each) => each.destroy()),
  };
}

/** An accounts file that allows the accounts in the regions, the first as the worker's own. */
export function accountsFile(
  own: TestAccount,
  others: TestAccount[],
  regions: string[],
  anyAccount?: string,
): AccountsFile {
  return {
    accounts: Object.fromEntries([
      [own.accountId, { regions }],
      ...others.map(({ accountId, roleArn }) => [accountId, { regions, role: roleArn }]),
      ...(anyAccount === undefined ? [] : [['*', { regions, role: `arn:aws:iam::*:role/${anyAccount}` }]]),
    ]) as AccountsFile['accounts'],
  };
}
