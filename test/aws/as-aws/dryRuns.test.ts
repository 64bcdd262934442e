import { StopInstancesCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2';
import { GenerateDataKeyWithoutPlaintextCommand } from '@aws-sdk/client-kms';
import { aKey, anInstance } from '../../support/seed';
import type { TestAccount } from '../../support/accounts';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html */
describe('a dry run', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  it('says that it would have succeeded, and does nothing', async () => {
    const { instanceId } = await anInstance(account);
    const stop = new StopInstancesCommand({ InstanceIds: [instanceId], DryRun: true });
    await expect(account.ec2().send(stop)).rejects.toMatchObject({
      name: 'DryRunOperation',
      $metadata: { httpStatusCode: 412 },
    });
    const Filters = [{ Name: 'attachment.instance-id', Values: [instanceId] }];
    const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({ Filters }));
    expect(Volumes.every(({ State }) => State === 'in-use')).toBe(true);
  });

  it('knows what is not there', async () => {
    const stop = new StopInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'], DryRun: true });
    await expect(account.ec2().send(stop)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
  });

  /** https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html */
  it('of KMS says so in its own words', async () => {
    const KeyId = await aKey(account);
    const generate = new GenerateDataKeyWithoutPlaintextCommand({ KeyId, DryRun: true });
    await expect(account.kms().send(generate)).rejects.toMatchObject({ name: 'DryRunOperationException' });
  });
});
