import { ApplicationFailure } from '@temporalio/common';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { FAILURE } from '../model/failures';
import { targetKey, type Target, type TargetInput } from '../model/target';
import { roleFor, type AccountsFile } from './accounts';
import type { AwsClients, Capability } from './clients';
import { noteCallSite } from './failures';

interface SessionOptions {
  /** Region of targets that name none. */
  region: string;
  /** Without an accounts file only the own account may be used, in any region. */
  accounts?: AccountsFile;
}

type CredentialProvider = ReturnType<typeof fromTemporaryCredentials>;

/**
 * One attempt a call: the SDK's own retry of a lost CreateSnapshot response makes a second snapshot, so Temporal
 * retries instead, through activities that look first. The timeouts end a call well before the activity's own.
 */
const CLIENT_OPTIONS = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

/** AWS clients by account, region and capability; made once, refreshing their credentials before they expire. */
export class AwsSessions implements AwsClients {
  private readonly ec2Clients = new Map<string, EC2Client>();
  private readonly kmsClients = new Map<string, KMSClient>();
  private readonly credentials = new Map<string, CredentialProvider>();
  private ownAccount: Promise<string> | undefined;

  constructor(private readonly options: SessionOptions) {}

  ec2(target: Target, capability: Capability): EC2Client {
    return cached(this.ec2Clients, clientKey(target, capability), () =>
      this.annotated(new EC2Client(this.clientOptions(target, capability)), 'ec2', target, capability),
    );
  }

  kms(target: Target, capability: Capability): KMSClient {
    return cached(this.kmsClients, clientKey(target, capability), () =>
      this.annotated(new KMSClient(this.clientOptions(target, capability)), 'kms', target, capability),
    );
  }

  async resolve(targets: readonly TargetInput[] = [{}]): Promise<Target[]> {
    const resolved = await Promise.all(
      targets.map(async ({ accountId, region }) => ({
        accountId: accountId ?? (await this.ownAccountId()),
        region: region ?? this.options.region,
      })),
    );
    for (const target of resolved) await this.requireAllowed(target);
    return [...new Map(resolved.map((target) => [targetKey(target), target])).values()];
  }

  roleArn(accountId: string, capability: Capability): string | undefined {
    const account = this.options.accounts?.accounts[accountId];
    return account && roleFor(account, capability);
  }

  /** Closes the clients' connections. */
  destroy(): void {
    for (const client of [...this.ec2Clients.values(), ...this.kmsClients.values()]) client.destroy();
  }

  private async requireAllowed(target: Target): Promise<void> {
    const accounts = this.options.accounts?.accounts;
    if (accounts) {
      if (accounts[target.accountId]?.regions.includes(target.region)) return;
    } else if (target.accountId === (await this.ownAccountId())) return;
    throw ApplicationFailure.nonRetryable(
      `${targetKey(target)}: no entry of the accounts file allows this account and region; add it to HOLDFAST_ACCOUNTS`,
      FAILURE.targetNotAllowed,
    );
  }

  private ownAccountId(): Promise<string> {
    this.ownAccount ??= this.askOwnAccount().catch((error: unknown) => {
      this.ownAccount = undefined;
      throw error;
    });
    return this.ownAccount;
  }

  private async askOwnAccount(): Promise<string> {
    const sts = new STSClient({ region: this.options.region });
    try {
      const { Account } = await sts.send(new GetCallerIdentityCommand({}));
      if (!Account) throw new Error('GetCallerIdentity named no account');
      return Account;
    } finally {
      sts.destroy();
    }
  }

  private clientOptions(target: Target, capability: Capability) {
    const credentials = this.credentialsFor(target.accountId, capability);
    return { ...CLIENT_OPTIONS, region: target.region, ...(credentials && { credentials }) };
  }

  private credentialsFor(accountId: string, capability: Capability): CredentialProvider | undefined {
    const account = this.options.accounts?.accounts[accountId];
    const roleArn = account && roleFor(account, capability);
    if (!roleArn) return undefined;
    const externalId = account.externalId;
    return cached(this.credentials, `${roleArn}|${externalId ?? ''}`, () =>
      fromTemporaryCredentials({
        params: {
          RoleArn: roleArn,
          RoleSessionName: 'holdfast',
          ...(externalId && { ExternalId: externalId }),
        },
        clientConfig: { region: this.options.region },
      }),
    );
  }

  private annotated<Client extends EC2Client | KMSClient>(
    client: Client,
    service: string,
    target: Target,
    capability: Capability,
  ): Client {
    const as = this.roleArn(target.accountId, capability) ?? 'the worker’s own credentials';
    (client as EC2Client).middlewareStack.add(
      (next, context) => async (args) => {
        try {
          return await next(args);
        } catch (error) {
          const action = (context.commandName ?? 'unknown').replace(/Command$/, '');
          if (error instanceof Error) noteCallSite(error, { service, action, ...target, as });
          throw error;
        }
      },
      { step: 'initialize', name: 'holdfastCallSite', priority: 'high' },
    );
    return client;
  }
}

function clientKey(target: Target, capability: Capability): string {
  return `${targetKey(target)}/${capability}`;
}

function cached<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  return made;
}
