import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DetachVolumeCommand,
  DescribeVolumesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anInstance, disksOf, instance, stopped, type SeededInstance } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html */
describe('attachments', () => {
  let account: TestAccount;
  let machine: SeededInstance;
  let zone = '';

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
    machine = await anInstance(account, { data: [{ device: '/dev/sdf', size: 1 }] });
    zone = (await instance(account, machine.instanceId)).Placement?.AvailabilityZone ?? '';
  });
  afterAll(() => account.destroy());

  const ec2 = () => account.ec2();
  const is = async (id: string, state: string) => {
    const { Volumes } = await ec2().send(new DescribeVolumesCommand({ VolumeIds: [id] }));
    return Volumes?.[0]?.State === state;
  };
  async function aVolume(AvailabilityZone = zone): Promise<string> {
    const { VolumeId = '' } = await ec2().send(
      new CreateVolumeCommand({ AvailabilityZone, Size: 1, VolumeType: 'gp3' }),
    );
    await until(() => is(VolumeId, 'available'));
    return VolumeId;
  }
  const attach = (VolumeId: string, Device: string, InstanceId = machine.instanceId) =>
    ec2().send(new AttachVolumeCommand({ VolumeId, InstanceId, Device }));

  it('of a volume that is attached is VolumeInUse', async () => {
    const attached = machine.volumes['/dev/sdf'] ?? '';
    await expect(attach(attached, '/dev/sdx')).rejects.toMatchObject({ name: 'VolumeInUse' });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVolume.html */
  it('end without naming the instance too, and a root only when it is stopped', async () => {
    const { instanceId, volumes } = await anInstance(account, { data: [{ device: '/dev/sdf', size: 1 }] });
    const [root = '', data = ''] = ['/dev/xvda', '/dev/sdf'].map((device) => volumes[device]);
    const detach = (VolumeId: string) => ec2().send(new DetachVolumeCommand({ VolumeId }));
    await expect(detach(root)).rejects.toMatchObject({ name: 'OperationNotPermitted' });
    expect((await detach(data)).State).toBe('detaching');
    await until(() => is(data, 'available'));
    await expect(detach(data)).rejects.toMatchObject({ name: 'IncorrectState' });
    await stopped(account, instanceId);
    await detach(root);
    await until(() => is(root, 'available'));
  });

  it('at a device that is taken is refused', async () => {
    const call = attach(await aVolume(), '/dev/sdf');
    await expect(call).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('across zones is refused', async () => {
    const other = zone.endsWith('a') ? zone.replace(/a$/, 'b') : zone.replace(/.$/, 'a');
    const call = attach(await aVolume(other), '/dev/sdy');
    await expect(call).rejects.toMatchObject({ name: 'InvalidVolume.ZoneMismatch' });
  });

  it('to a terminated instance is refused', async () => {
    const { instanceId } = await anInstance(account, { data: [] });
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await instance(account, instanceId)).State?.Name === 'terminated');
    const call = attach(await aVolume(), '/dev/sdy', instanceId);
    await expect(call).rejects.toMatchObject({ name: 'IncorrectState' });
  });

  it('ends without naming the instance; ends once', async () => {
    const id = await aVolume();
    await attach(id, '/dev/sdz');
    await until(async () => Object.values(await disksOf(account, machine.instanceId)).includes(id));
    await ec2().send(new DetachVolumeCommand({ VolumeId: id }));
    await until(() => is(id, 'available'));
    const again = ec2().send(new DetachVolumeCommand({ VolumeId: id }));
    await expect(again).rejects.toMatchObject({ name: 'IncorrectState' });
  });

  it('of the root ends only when the instance is stopped', async () => {
    const root = machine.volumes['/dev/xvda'] ?? '';
    const detach = () => ec2().send(new DetachVolumeCommand({ VolumeId: root }));
    await expect(detach()).rejects.toMatchObject({ name: 'OperationNotPermitted' });
    await stopped(account, machine.instanceId);
    await detach();
    await until(() => is(root, 'available'));
  });
});
