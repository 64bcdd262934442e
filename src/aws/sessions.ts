import type { ApplicationFailure } from '@temporalio/common';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { OrganizationsClient } from '@aws-sdk/client-organizations';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { finalFailure } from './applicationFailures';
import { FAILURE } from '../model/failures';
import { meantRegion, targetKey, type Target, type TargetInput } from '../model/target';
import { accountsIn, entryOf, roleFor, type AccountEntry, type AccountsFile } from './accounts';
import type { AwsClients, Capability } from './clients';
import { instrument, type AnyClient, type CallObserver, type Instruments } from './instrument';
import type { RateBudget } from './rateBudget';
import { askedEveryTime, RunSessions, runSessionName, SHARED_SESSION } from './runSessions';
import { sessionCredentials, type RoleCredentials } from './sessionCredentials';

interface SessionOptions {
  /** Region of targets that name none. */
  region: string;
  /** Without an accounts file only the own account may be used, in any region. */
  accounts?: AccountsFile;
  /** Keeps calls below AWS's rates; without it nothing does. */
  budget?: RateBudget;
  observer?: CallObserver;
}

/**
 * One attempt a call: the SDK's own retry of a lost CreateSnapshot response makes a second snapshot, so Temporal
 * retries instead, through activities that look first (docs/adr/0003). It holds for every call, because the token
 * bucket counts calls, and an SDK that sends three would spend three. The timeouts end a call well before the
 * activity's own.
 */
const CLIENT_OPTIONS = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

const OWN_CREDENTIALS = 'the worker’s own credentials';

/** AWS Organizations is one service for the whole world, at home here: https://docs.aws.amazon.com/general/latest/gr/ao.html */
const ORGANIZATIONS_REGION = 'us-east-1';

/** AWS clients by account, region and capability; made once, refreshing their credentials before they expire. */
export class AwsSessions implements AwsClients {
  private readonly clients = new Map<string, AnyClient>();
  private readonly credentials = new Map<string, () => Promise<RoleCredentials>>();
  private readonly runSessions = new RunSessions();
  private readonly sts: STSClient;
  private organizationsClient: OrganizationsClient | undefined;
  private readonly instruments: Instruments;
  private ownAccount: Promise<string> | undefined;

  constructor(private readonly options: SessionOptions) {
    const { budget, observer, region } = options;
    this.instruments = { observer, budget };
    this.sts = instrument(
      new STSClient({ ...CLIENT_OPTIONS, region }),
      { service: 'sts', target: { accountId: 'the worker’s account', region }, as: OWN_CREDENTIALS },
      this.instruments,
    );
  }

  ec2(target: Target, capability: Capability): EC2Client {
    return this.client('ec2', target, capability, (options) => new EC2Client(options));
  }

  kms(target: Target, capability: Capability): KMSClient {
    return this.client('kms', target, capability, (options) => new KMSClient(options));
  }

  ebs(target: Target, capability: Capability): EBSClient {
    return this.client('ebs', target, capability, (options) => new EBSClient(options));
  }

  ssm(target: Target, capability: Capability): SSMClient {
    return this.client('ssm', target, capability, (options) => new SSMClient(options));
  }

  serviceQuotas(target: Target, capability: Capability): ServiceQuotasClient {
    return this.client('servicequotas', target, capability, (options) => new ServiceQuotasClient(options));
  }

  cloudTrail(target: Target, capability: Capability): CloudTrailClient {
    return this.client('cloudtrail', target, capability, (options) => new CloudTrailClient(options));
  }

  iam(target: Target, capability: Capability): IAMClient {
    return this.client('iam', target, capability, (options) => new IAMClient(options));
  }

  /** Under the name that IAM has for it, which messages about permissions show. */
  elbv2(target: Target, capability: Capability): ElasticLoadBalancingV2Client {
    return this.client(
      'elasticloadbalancing',
      target,
      capability,
      (options) => new ElasticLoadBalancingV2Client(options),
    );
  }

  async resolve(targets: readonly TargetInput[] = [{}]): Promise<Target[]> {
    const resolved = await Promise.all(
      targets.map(async ({ accountId, region }) => ({
        accountId: accountId ?? (await this.ownAccountId()),
        region: region ?? this.options.region,
      })),
    );
    for (const target of resolved) {
      this.requireListed(target);
      if (!this.options.accounts) await this.requireOwn(target);
    }
    return [...new Map(resolved.map((target) => [targetKey(target), target])).values()];
  }

  organizations(): OrganizationsClient {
    const role = this.options.accounts?.organizationRole;
    const target = { accountId: role?.split(':')[4] ?? 'the worker’s account', region: ORGANIZATIONS_REGION };
    this.organizationsClient ??= instrument(
      new OrganizationsClient(this.clientOptions(target, role, undefined)),
      { service: 'organizations', target, as: role ?? OWN_CREDENTIALS },
      this.instruments,
    );
    return this.organizationsClient;
  }

  listedAccounts(): string[] {
    return this.options.accounts ? accountsIn(this.options.accounts) : [];
  }

  regionsOf(accountId: string): readonly string[] {
    return this.entry(accountId)?.regions ?? [];
  }

  roleArn(accountId: string, capability: Capability): string | undefined {
    const account = this.entry(accountId);
    return account && roleFor(account, capability);
  }

  /** Closes the clients' connections. */
  destroy(): void {
    for (const client of this.clients.values()) client.destroy();
    this.sts.destroy();
    this.organizationsClient?.destroy();
  }

  private entry(accountId: string): AccountEntry | undefined {
    return this.options.accounts && entryOf(this.options.accounts, accountId);
  }

  private client<Client extends AnyClient>(
    service: string,
    target: Target,
    capability: Capability,
    make: (options: ReturnType<AwsSessions['clientOptions']>) => Client,
  ): Client {
    return cached(this.clients, `${service}/${targetKey(target)}/${capability}`, () => {
      const account = this.requireListed(target);
      const role = account && this.requireRole(account, target, capability);
      const isShared = capability === 'read';
      return instrument(
        make(this.clientOptions(target, role, account?.externalId, isShared)),
        { service, target, as: role ?? OWN_CREDENTIALS },
        { ...this.instruments, ...(!role && { guard: () => this.requireOwn(target) }) },
      );
    }) as Client;
  }

  private clientOptions(
    { region }: Target,
    role: string | undefined,
    externalId: string | undefined,
    isShared = true,
  ) {
    if (!role) return { ...CLIENT_OPTIONS, region };
    const credentials = isShared
      ? this.session(role, externalId)
      : askedEveryTime(() => this.runSession(role, externalId));
    return { ...CLIENT_OPTIONS, region, credentials };
  }

  private session(role: string, externalId: string | undefined): () => Promise<RoleCredentials> {
    return cached(this.credentials, `${role}|${externalId ?? ''}`, () =>
      sessionCredentials(() => assumeRole(this.sts, role, externalId, SHARED_SESSION)),
    );
  }

  /** Of the run that is at work: reads share a session, what may change something tells whose doing it is. */
  private runSession(role: string, externalId: string | undefined): Promise<RoleCredentials> {
    const name = runSessionName();
    if (name === SHARED_SESSION) return this.session(role, externalId)();
    const credentials = this.runSessions.get(`${role}|${externalId ?? ''}|${name}`, () =>
      sessionCredentials(() => assumeRole(this.sts, role, externalId, name)),
    );
    return credentials();
  }

  private requireListed(target: Target): AccountEntry | undefined {
    if (!this.options.accounts) return undefined;
    const account = this.entry(target.accountId);
    if (account?.regions.includes(target.region)) return account;
    throw notAllowed(
      target,
      `no entry of the accounts file allows this account and region; add it to HOLDFAST_ACCOUNTS${meantRegion(target.region, account?.regions ?? [])}`,
    );
  }

  /** Falling back to other credentials would act in another account, or with rights that the file withholds. */
  private requireRole(account: AccountEntry, target: Target, capability: Capability): string | undefined {
    const role = roleFor(account, capability);
    if (role || !account.roles) return role;
    throw notAllowed(
      target,
      `the accounts file gives this account no role for ${capability}; add roles.${capability} to its entry in HOLDFAST_ACCOUNTS`,
    );
  }

  private async requireOwn(target: Target): Promise<void> {
    const own = await this.ownAccountId();
    if (target.accountId === own) return;
    throw notAllowed(
      target,
      `the worker's own credentials belong to account ${own}; give ${target.accountId} an entry with a role in HOLDFAST_ACCOUNTS`,
    );
  }

  private ownAccountId(): Promise<string> {
    this.ownAccount ??= askOwnAccount(this.sts).catch((error: unknown) => {
      this.ownAccount = undefined;
      throw error;
    });
    return this.ownAccount;
  }
}

async function askOwnAccount(sts: STSClient): Promise<string> {
  const { Account } = await sts.send(new GetCallerIdentityCommand({}));
  if (!Account) throw new Error('GetCallerIdentity named no account');
  return Account;
}

async function assumeRole(
  sts: STSClient,
  role: string,
  externalId: string | undefined,
  sessionName: string,
): Promise<RoleCredentials> {
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: role,
      RoleSessionName: sessionName,
      ...(externalId && { ExternalId: externalId }),
    }),
  );
  if (!given?.AccessKeyId || !given.SecretAccessKey)
    throw new Error(`AssumeRole gave no credentials for ${role}`);
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiration: given.Expiration,
  };
}

function notAllowed(target: Target, why: string): ApplicationFailure {
  return finalFailure(FAILURE.targetNotAllowed, `${targetKey(target)}: ${why}`);
}

function cached<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  return made;
}
