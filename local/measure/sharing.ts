import { DescribeImagesCommand, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { AwsAccount } from '../stack/awsAccounts';
import { check, type Check } from './check';

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

/** A real launch, ended at once: it needs the image's, its snapshots' and its key's permissions together. */
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
    const InstanceIds = (Instances ?? []).map(({ InstanceId = '' }) => InstanceId);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    return { launched: true, why: `launched, owner ${Images?.[0]?.OwnerId}` };
  } catch (error) {
    return { launched: false, why: error instanceof Error ? error.name : String(error) };
  }
}
