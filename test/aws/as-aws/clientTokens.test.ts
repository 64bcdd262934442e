import { randomUUID } from 'node:crypto';
import { CreateVolumeCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anImage } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';

/** https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html */
describe('client tokens', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  const volume = (ClientToken: string, Size: number) =>
    account
      .ec2()
      .send(
        new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', VolumeType: 'gp3', Size, ClientToken }),
      );

  it('make the same request the same volume', async () => {
    const token = randomUUID();
    const [first, second] = [await volume(token, 1), await volume(token, 1)];
    expect(second.VolumeId).toBe(first.VolumeId);
    expect((await volume(randomUUID(), 1)).VolumeId).not.toBe(first.VolumeId);
  });

  it('are refused for another request', async () => {
    const token = randomUUID();
    await volume(token, 1);
    await expect(volume(token, 2)).rejects.toMatchObject({ name: 'IdempotentParameterMismatch' });
  });

  it('make the same request the same instance', async () => {
    const [ImageId, ClientToken] = [await anImage(account), randomUUID()];
    const run = async () => {
      const { Instances } = await account.ec2().send(
        new RunInstancesCommand({
          ImageId,
          InstanceType: 't3.micro',
          MinCount: 1,
          MaxCount: 1,
          ClientToken,
        }),
      );
      return Instances?.[0]?.InstanceId;
    };
    expect(await run()).toBe(await run());
  });
});
