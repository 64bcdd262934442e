import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { ACCOUNTS, EXTERNAL_ID, HOME_REGION, ROLE_NAME } from './accounts';
import { administrator, createRole } from './roles';

/** One account of the local AWS, asked as that account itself. */
export interface AwsAccount {
  accountId: string;
  ec2(region?: string): EC2Client;
  kms(region?: string): KMSClient;
}

/** Plain SDK clients on the local AWS: endpoint and credentials are given, so nothing else can be reached by them. */
export class LocalAccounts {
  private readonly clients = new Map<string, EC2Client | KMSClient>();
  private readonly known = new Map<string, Promise<AwsAccount>>();

  constructor(private readonly endpoint: string) {}

  home(): Promise<AwsAccount> {
    return this.account(ACCOUNTS.home);
  }

  /** Makes, in an account other than the home account, the role that the worker acts with there. */
  async createWorkerRole(accountId: string): Promise<void> {
    await createRole(this.endpoint, await administrator(this.endpoint, accountId), {
      accountId,
      name: ROLE_NAME,
      trusts: [ACCOUNTS.home],
      externalId: EXTERNAL_ID,
      statements: [{ Effect: 'Allow', Action: ['ec2:*', 'kms:*'], Resource: '*' }],
    });
  }

  account(accountId: string): Promise<AwsAccount> {
    const known = this.known.get(accountId) ?? this.open(accountId);
    this.known.set(accountId, known);
    return known;
  }

  close(): void {
    for (const client of this.clients.values()) client.destroy();
  }

  private async open(accountId: string): Promise<AwsAccount> {
    const own = { accessKeyId: 'local', secretAccessKey: 'local' };
    const credentials = accountId === ACCOUNTS.home ? own : await administrator(this.endpoint, accountId);
    const settings = (region: string) => ({ region, endpoint: this.endpoint, credentials });
    return {
      accountId,
      ec2: (region = HOME_REGION) =>
        this.client(`ec2/${accountId}/${region}`, () => new EC2Client(settings(region))),
      kms: (region = HOME_REGION) =>
        this.client(`kms/${accountId}/${region}`, () => new KMSClient(settings(region))),
    };
  }

  private client<Client extends EC2Client | KMSClient>(key: string, make: () => Client): Client {
    const client = this.clients.get(key) ?? make();
    this.clients.set(key, client);
    return client as Client;
  }
}
