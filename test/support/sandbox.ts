import { appendFileSync } from 'node:fs';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { KMSClient } from '@aws-sdk/client-kms';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { HOME_REGION, type TestAccount } from './accounts';

/** What one test file may create in a sandbox account; a run has as many files as test/aws/as-aws. */
const MOST_INSTANCES = 10;
const MOST_GIB = 1_000;

/** One line of the transcript: what was asked, and what AWS said. */
export interface Exchange {
  at: string;
  profile: string;
  region: string;
  action: string;
  input: unknown;
  output?: unknown;
  error?: string;
}

/** A real account that may be thrown away, by the name of its profile. */
export async function sandboxAccount(profile: string, transcript: string): Promise<TestAccount> {
  const sts = new STSClient({ region: HOME_REGION, profile });
  const { Account: accountId = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  const budget = new Budget();
  const clients: AnyClient[] = [];
  const watched = <Client extends AnyClient>(client: Client, region: string): Client => {
    watch(client, budget, (exchange) =>
      appendFileSync(transcript, `${JSON.stringify({ ...exchange, profile, region })}\n`),
    );
    clients.push(client);
    return client;
  };
  const ec2 = (region = HOME_REGION) => watched(new EC2Client({ region, profile }), region);
  return {
    accountId,
    roleArn: Arn,
    credentials: { accessKeyId: '', secretAccessKey: '', sessionToken: '' },
    ec2,
    kms: (region = HOME_REGION) => watched(new KMSClient({ region, profile }), region),
    serviceQuotas: (region = HOME_REGION) => watched(new ServiceQuotasClient({ region, profile }), region),
    elbv2: (region = HOME_REGION) => watched(new ElasticLoadBalancingV2Client({ region, profile }), region),
    baseImage: (region) => newestBaseImage(ec2(region)),
    destroy: () => clients.forEach((each) => each.destroy()),
  };
}

type AnyClient = EC2Client | ElasticLoadBalancingV2Client | KMSClient | ServiceQuotasClient;
type Watched = Pick<Exchange, 'at' | 'action' | 'input' | 'output' | 'error'>;

function watch(client: AnyClient, budget: Budget, tell: (exchange: Watched) => void): void {
  // The clients' types differ, and their middleware stacks have no common one.
  const stack = client.middlewareStack as EC2Client['middlewareStack'];
  stack.add(
    (next, { commandName }) =>
      async (args) => {
        const exchange = {
          at: new Date().toISOString(),
          action: commandName?.replace(/Command$/, '') ?? '',
          input: args.input,
        };
        budget.spend(exchange.action, args.input);
        try {
          const answer = await next(args);
          tell({ ...exchange, output: answer.output });
          return answer;
        } catch (error) {
          tell({ ...exchange, error: error instanceof Error ? error.name : String(error) });
          throw error;
        }
      },
    { step: 'initialize', name: 'conformance' },
  );
}

class Budget {
  private instances = 0;
  private gib = 0;

  /** @throws Error before a call that would cost more than a test file may */
  spend(action: string, input: object): void {
    if (action === 'RunInstances') this.instances += 1;
    if (action === 'CreateVolume')
      this.gib += 'Size' in input && typeof input.Size === 'number' ? input.Size : 8;
    if (this.instances > MOST_INSTANCES || this.gib > MOST_GIB)
      throw new Error(
        `a test file may start ${MOST_INSTANCES} instances and create ${MOST_GIB} GiB of volumes`,
      );
  }
}

async function newestBaseImage(ec2: EC2Client): Promise<string> {
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ['amazon'],
      Filters: [{ Name: 'name', Values: ['al2023-ami-minimal-2023.*-x86_64'] }],
    }),
  );
  const [newest] = Images.sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''));
  if (!newest?.ImageId) throw new Error('AWS shows no al2023-ami-minimal image');
  return newest.ImageId;
}
