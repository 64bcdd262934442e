import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  type LaunchTemplateSpecification,
  type RequestLaunchTemplateData,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { randomUUID } from 'node:crypto';
import { anAccount, type TestAccount } from '../support/accounts';
import { anImage, instance } from '../support/seed';
import { shared } from '../support/shared';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html */
describe('a launch', () => {
  let account: TestAccount;
  let ImageId = '';

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    ImageId = await anImage(account);
  });
  afterAll(() => account.destroy());

  async function run(asked: Partial<RunInstancesCommandInput>): Promise<string> {
    const { Instances } = await account
      .ec2()
      .send(new RunInstancesCommand({ InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, ...asked }));
    return Instances?.[0]?.InstanceId ?? '';
  }
  async function template(
    LaunchTemplateData: RequestLaunchTemplateData,
  ): Promise<LaunchTemplateSpecification> {
    const LaunchTemplateName = randomUUID();
    await account.ec2().send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData }));
    return { LaunchTemplateName };
  }
  async function devices(id: string): Promise<Record<string, number | undefined>> {
    const { BlockDeviceMappings = [] } = await instance(account, id);
    const VolumeIds = BlockDeviceMappings.map(({ Ebs }) => Ebs?.VolumeId ?? '');
    const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({ VolumeIds }));
    const size = (id?: string) => Volumes.find(({ VolumeId }) => VolumeId === id)?.Size;
    return Object.fromEntries(
      BlockDeviceMappings.map(({ DeviceName = '', Ebs }) => [DeviceName, size(Ebs?.VolumeId)] as const),
    );
  }
  const disk = (DeviceName: string, VolumeSize: number) => ({ DeviceName, Ebs: { VolumeSize } });

  it('takes from its template what it does not say itself: image, devices, tags of volumes', async () => {
    const Tags = [{ Key: 'of', Value: 'template' }];
    const LaunchTemplate = await template({
      ImageId,
      BlockDeviceMappings: [disk('/dev/sdf', 3)],
      TagSpecifications: [{ ResourceType: 'volume', Tags }],
    });
    const id = await run({ LaunchTemplate });
    expect((await instance(account, id)).ImageId).toBe(ImageId);
    expect(await devices(id)).toEqual({ '/dev/xvda': 8, '/dev/sdf': 3 });
    const Filters = [{ Name: 'attachment.instance-id', Values: [id] }];
    const { Volumes } = await account.ec2().send(new DescribeVolumesCommand({ Filters }));
    expect(Volumes).toMatchObject([{ Tags }, { Tags }]);
    const other = await run({ LaunchTemplate, BlockDeviceMappings: [disk('/dev/sdg', 2)] });
    expect(await devices(other)).toEqual({ '/dev/xvda': 8, '/dev/sdg': 2 });
  });

  it('without an image is refused, with a template and without one', async () => {
    const error = { name: 'MissingParameter', message: 'The request must contain the parameter ImageId' };
    await expect(run({})).rejects.toMatchObject(error);
    const LaunchTemplate = await template({ InstanceType: 't3.micro' });
    await expect(run({ LaunchTemplate })).rejects.toMatchObject(error);
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html */
  it('leaves out the devices of its image that it has no device for', async () => {
    const image = new RegisterImageCommand({
      Name: randomUUID(),
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      VirtualizationType: 'hvm',
      BlockDeviceMappings: [disk('/dev/xvda', 1), disk('/dev/sdf', 1)],
    });
    const { ImageId } = await account.ec2().send(image);
    const without = (NoDevice: string) => ({
      ImageId,
      BlockDeviceMappings: [{ DeviceName: '/dev/sdf', NoDevice }],
    });
    expect(await devices(await run(without('')))).toEqual({ '/dev/xvda': 1 });
    expect(await devices(await run(without('yes')))).toEqual({ '/dev/xvda': 1 });
    const unknown = [{ DeviceName: '/dev/sdg', NoDevice: '' }];
    expect(await devices(await run({ ImageId, BlockDeviceMappings: unknown }))).toHaveProperty('/dev/sdf', 1);
  });

  it.each([
    [{ VolumeType: 'gp3' }, 'MissingParameter', 'The request must contain the parameter size or snapshotId'],
    [{ VolumeType: 'gp2', VolumeSize: 1, Iops: 3000 }, 'InvalidParameterCombination', expect.any(String)],
  ] as const)('that is refused leaves nothing: %j', async (Ebs, name, message) => {
    const all = async () => {
      const { Reservations = [] } = await account.ec2().send(new DescribeInstancesCommand({}));
      const { Volumes = [] } = await account.ec2().send(new DescribeVolumesCommand({}));
      return [Reservations.length, Volumes.length];
    };
    const before = await all();
    await expect(
      run({ ImageId, BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs }] }),
    ).rejects.toMatchObject({ name, message: message as string });
    expect(await all()).toEqual(before);
  });
});
