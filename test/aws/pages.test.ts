import {
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeVolumesCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { anAccount, type TestAccount } from '../support/accounts';
import { anImage } from '../support/seed';
import { shared } from '../support/shared';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
describe('a page of instances', () => {
  let account: TestAccount;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    const ImageId = await anImage(account);
    await account
      .ec2()
      .send(new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 12, MaxCount: 12 }));
  });
  afterAll(() => account.destroy());

  it('is of so many instances, also of one reservation', async () => {
    const sizes: number[] = [];
    const seen = new Set<string | undefined>();
    let NextToken: string | undefined;
    do {
      const page = await account.ec2().send(new DescribeInstancesCommand({ MaxResults: 5, NextToken }));
      const instances = (page.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
      sizes.push(instances.length);
      for (const { InstanceId } of instances) seen.add(InstanceId);
      NextToken = page.NextToken;
    } while (NextToken);
    expect(sizes).toEqual([5, 5, 2]);
    expect(seen.size).toBe(12);
  });

  it('is of so many statuses', async () => {
    const page = await account
      .ec2()
      .send(new DescribeInstanceStatusCommand({ MaxResults: 5, IncludeAllInstances: true }));
    expect(page.InstanceStatuses).toHaveLength(5);
    expect(page.NextToken).toBeDefined();
  });

  it('names an unknown id', async () => {
    await expect(
      account.ec2().send(new DescribeInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] })),
    ).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    await expect(
      account.ec2().send(new DescribeVolumesCommand({ VolumeIds: ['vol-0123456789abcdef0'] })),
    ).rejects.toMatchObject({ name: 'InvalidVolume.NotFound' });
  });
});
