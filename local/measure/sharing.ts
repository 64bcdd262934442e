import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeImagesCommand, RunInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { ListGrantsCommand } from '@aws-sdk/client-kms';
import type { AwsAccount } from '../stack/awsAccounts';
import { check, type Check } from './check';
import { instanceById } from './reads';

export interface SharedImage {
  amiId: string;
  region: string;
  /** Accounts that must be able to launch it; all others of `asked` must not. */
  allowed: readonly string[];
}

/** Asks each account, as itself, whether it sees the image and can launch it. */
export async function checkSharing(image: SharedImage, asked: readonly AwsAccount[]): Promise<Check[]> {
  return Promise.all(
    asked.map(async (account) => {
      const may = image.allowed.includes(account.accountId);
      const { launched, why } = await launch(account, image);
      const whom = `account ${account.accountId} ${may ? 'can launch' : 'cannot launch'} ${image.amiId} in ${image.region}`;
      return check(whom, launched === may, why);
    }),
  );
}

/** A real launch; the machine stays in the partner's account, which goes with the local AWS. */
async function launch(
  account: AwsAccount,
  { amiId, region }: SharedImage,
): Promise<{ launched: boolean; why: string }> {
  const ec2 = account.ec2(region);
  try {
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [amiId] }));
    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ImageId: amiId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );
    const state = await settled(ec2, Instances?.[0]?.InstanceId ?? '');
    return { launched: state === 'running', why: `${state}, owner of the image ${Images?.[0]?.OwnerId}` };
  } catch (error) {
    return { launched: false, why: error instanceof Error ? error.name : String(error) };
  }
}

/** An instance whose volumes nobody can decrypt is there, and is terminated then. */
async function settled(ec2: EC2Client, instanceId: string): Promise<string | undefined> {
  for (;;) {
    const { State } = await instanceById(ec2, instanceId);
    if (State?.Name !== 'pending') return State?.Name;
    await sleep(100);
  }
}

/** Whom the key's owner has let in: nobody but those whom the image is for. */
export async function checkGrants(
  owner: AwsAccount,
  keyArn: string,
  image: SharedImage,
  asked: readonly AwsAccount[],
): Promise<Check> {
  const { Grants = [] } = await owner.kms(image.region).send(new ListGrantsCommand({ KeyId: keyArn }));
  const holders = asked.filter(({ accountId }) =>
    Grants.some(({ GranteePrincipal }) => GranteePrincipal?.includes(accountId)),
  );
  const found = holders.map(({ accountId }) => accountId);
  const wanted = asked
    .filter(({ accountId }) => image.allowed.includes(accountId))
    .map(({ accountId }) => accountId);
  return check(
    `only the accounts that ${image.amiId} is shared with may use its key in ${image.region}`,
    wanted.length > 0 && found.join() === wanted.join(),
    found.join(', ') || 'nobody',
  );
}
