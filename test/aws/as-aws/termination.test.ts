import { DescribeVolumesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anInstance, instance } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html */
describe('TerminateInstances', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  it('deletes the volumes that say so, and leaves the others available', async () => {
    const { instanceId, volumes } = await anInstance(account, {
      root: { deleteOnTermination: true },
      data: [
        { device: '/dev/sdf', size: 1, deleteOnTermination: true },
        { device: '/dev/sdg', size: 1, deleteOnTermination: false },
      ],
    });
    const { TerminatingInstances } = await account
      .ec2()
      .send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    expect(TerminatingInstances?.[0]?.PreviousState?.Name).toBe('running');
    await until(async () => (await instance(account, instanceId)).State?.Name === 'terminated');
    const left = async () => {
      const Filters = [{ Name: 'volume-id', Values: Object.values(volumes) }];
      const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({ Filters }));
      return Volumes.map(({ VolumeId, State }) => ({ VolumeId, State }));
    };
    await until(async () => (await left()).length === 1);
    expect(await left()).toEqual([{ VolumeId: volumes['/dev/sdg'], State: 'available' }]);
  });
});
