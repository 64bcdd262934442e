import { StartInstancesCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anInstance, instance, stopped } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html */
describe('a public IPv4 that EC2 assigned', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  it('is Amazon’s, is gone while the instance is stopped, and is another one after', async () => {
    const { instanceId } = await anInstance(account, { publicIp: true, data: [] });
    const association = async () => (await instance(account, instanceId)).NetworkInterfaces?.[0]?.Association;
    const first = await association();
    expect(first).toMatchObject({ IpOwnerId: 'amazon' });
    await stopped(account, instanceId);
    expect((await instance(account, instanceId)).PublicIpAddress).toBeUndefined();
    await account.ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await instance(account, instanceId)).State?.Name === 'running');
    const second = await association();
    expect(second?.PublicIp).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(second?.PublicIp).not.toBe(first?.PublicIp);
  });
});
