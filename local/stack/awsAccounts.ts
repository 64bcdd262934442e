import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { ACCOUNTS, HOME_REGION, roleArn } from './accounts';

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

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
    const credentials = accountId === ACCOUNTS.home ? own : await this.assumed(accountId, own);
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

  private async assumed(accountId: string, credentials: Credentials): Promise<Credentials> {
    const sts = new STSClient({ region: HOME_REGION, endpoint: this.endpoint, credentials });
    try {
      const { Credentials: given } = await sts.send(
        new AssumeRoleCommand({ RoleArn: roleArn(accountId), RoleSessionName: 'local-stack' }),
      );
      if (!given?.AccessKeyId || !given.SecretAccessKey) {
        throw new Error(`the local AWS gave no credentials for account ${accountId}`);
      }
      return {
        accessKeyId: given.AccessKeyId,
        secretAccessKey: given.SecretAccessKey,
        sessionToken: given.SessionToken,
      };
    } finally {
      sts.destroy();
    }
  }
}
