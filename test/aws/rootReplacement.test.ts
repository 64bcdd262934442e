import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateVolumeCommand,
  DescribeInstanceStatusCommand,
  DescribeReplaceRootVolumeTasksCommand,
  StartInstancesCommand,
  type CreateReplaceRootVolumeTaskCommandInput,
} from '@aws-sdk/client-ec2';
import { HOME_REGION, type TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, completed, disksOf, instance, snapshotOf, volume } from '../support/seed';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html */
describe('a root that is replaced', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let instanceId: string;
  let root: string;
  let device: string;

  beforeAll(async () => {
    aws = await AwsServer.start();
    account = await aws.account();
  });
  afterAll(() => aws.stop());

  beforeEach(async () => {
    await aws.control.post('clock', { speed: 1000 });
    const seeded = await anInstance(account, { root: { size: 4, type: 'gp3' }, data: [] });
    instanceId = seeded.instanceId;
    [device = '', root = ''] = Object.entries(seeded.volumes)[0] ?? [];
    await aws.control.post('clock', { speed: 0 });
  });
  afterEach(() => aws.control.delete('faults'));

  const replace = async (asked: Omit<CreateReplaceRootVolumeTaskCommandInput, 'InstanceId'>) => {
    const call = new CreateReplaceRootVolumeTaskCommand({ InstanceId: instanceId, ...asked });
    const { ReplaceRootVolumeTask } = await account.ec2().send(call);
    return ReplaceRootVolumeTask?.ReplaceRootVolumeTaskId ?? '';
  };
  const stateOf = async (id: string): Promise<string> => {
    const call = new DescribeReplaceRootVolumeTasksCommand({ ReplaceRootVolumeTaskIds: [id] });
    return (await account.ec2().send(call)).ReplaceRootVolumeTasks?.[0]?.TaskState ?? '';
  };
  const advance = (seconds: number) => aws.control.post('clock', { advance: seconds });
  const anOwnVolume = async (spec: Parameters<typeof aVolume>[1] = {}) => {
    await aws.control.post('clock', { speed: 1000 });
    const id = await aVolume(account, { size: 4, type: 'gp3', ...spec });
    await aws.control.post('clock', { speed: 0 });
    return id;
  };
  const checked = async () =>
    (await account.ec2().send(new DescribeInstanceStatusCommand({ InstanceIds: [instanceId] })))
      .InstanceStatuses?.[0]?.InstanceStatus?.Status;

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateReplaceRootVolumeTask.html (VolumeId) */
  it('by a volume of one’s own is that volume; the old one stays, and the checks begin anew', async () => {
    const own = await anOwnVolume();
    await advance(600);
    expect(await checked()).toBe('ok');
    const id = await replace({ VolumeId: own, DeleteReplacedRootVolume: false });
    expect(await stateOf(id)).toBe('pending');
    await advance(40);
    expect(await stateOf(id)).toBe('in-progress');
    await advance(30);
    expect(await stateOf(id)).toBe('succeeded');
    expect((await disksOf(account, instanceId))[device]).toBe(own);
    expect((await volume(account, root)).State).toBe('available');
    expect((await instance(account, instanceId)).State?.Name).toBe('running');
    expect(await checked()).toBe('initializing');
    await advance(61);
    expect(await checked()).toBe('ok');
  });

  it('refuses a volume that is in use, of another zone, or unencrypted for an encrypted root', async () => {
    await expect(replace({ VolumeId: root })).rejects.toMatchObject({ name: 'IncorrectState' });
    const { VolumeId: elsewhere } = await account
      .ec2()
      .send(new CreateVolumeCommand({ AvailabilityZone: `${HOME_REGION}b`, Size: 4 }));
    await advance(10);
    await expect(replace({ VolumeId: elsewhere })).rejects.toMatchObject({
      name: 'InvalidVolume.ZoneMismatch',
    });
    await aws.control.post('clock', { speed: 1000 });
    const KmsKeyId = await aKey(account);
    const encrypted = await anInstance(account, { root: { size: 4, kmsKeyId: KmsKeyId }, data: [] });
    instanceId = encrypted.instanceId;
    await expect(replace({ VolumeId: await anOwnVolume() })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
  });

  it('refuses two sources at once', async () => {
    const both = { VolumeId: await anOwnVolume(), SnapshotId: 'snap-0123456789abcdef0' };
    await expect(replace(both)).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  });

  it('refuses snapshots of other volumes, and copies of its own', async () => {
    const other = await anOwnVolume();
    await aws.control.post('clock', { speed: 1000 });
    const foreign = await snapshotOf(account, other);
    const own = await snapshotOf(account, root);
    const copy = new CopySnapshotCommand({ SourceRegion: HOME_REGION, SourceSnapshotId: own });
    const copied = await completed(account, (await account.ec2().send(copy)).SnapshotId);
    for (const SnapshotId of [foreign, copied])
      await expect(replace({ SnapshotId })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(replace({ SnapshotId: own })).resolves.toMatch(/^replacevol-/);
  });

  it('takes a snapshot of the root before the last', async () => {
    await aws.control.post('clock', { speed: 1000 });
    const ofFirst = await snapshotOf(account, root);
    await aws.control.post('clock', { speed: 0 });
    await replace({ VolumeId: await anOwnVolume() });
    await advance(61);
    const id = await replace({ SnapshotId: ofFirst });
    await advance(61);
    expect(await stateOf(id)).toBe('succeeded');
  });

  it('that fails leaves the old one in place', async () => {
    await aws.control.post('faults', {
      action: 'CreateReplaceRootVolumeTask',
      effect: { fails: 'no room' },
    });
    const id = await replace({ VolumeId: await anOwnVolume() });
    await advance(50);
    expect(await stateOf(id)).toBe('failing');
    await advance(20);
    expect(await stateOf(id)).toBe('failed');
    expect((await disksOf(account, instanceId))[device]).toBe(root);
  });

  it('that fails between two roots leaves none, and the old one can be put back', async () => {
    await aws.control.post('faults', {
      action: 'CreateReplaceRootVolumeTask',
      effect: { fails: 'no room', detaches: true },
    });
    const id = await replace({ VolumeId: await anOwnVolume() });
    await advance(50);
    expect(await stateOf(id)).toBe('failing-detached');
    await advance(60);
    expect(await stateOf(id)).toBe('failed-detached');
    expect(await disksOf(account, instanceId)).toEqual({});
    await advance(40);
    expect((await instance(account, instanceId)).State?.Name).toBe('stopped');
    const start = new StartInstancesCommand({ InstanceIds: [instanceId] });
    await expect(account.ec2().send(start)).rejects.toMatchObject({ name: 'IncorrectInstanceState' });
    await account
      .ec2()
      .send(new AttachVolumeCommand({ InstanceId: instanceId, VolumeId: root, Device: device }));
    await account.ec2().send(start);
    await advance(30);
    expect((await instance(account, instanceId)).State?.Name).toBe('running');
  });

  it('may come as another type than the one that was there, by rule', async () => {
    await aws.control.post('faults', {
      action: 'CreateReplaceRootVolumeTask',
      effect: { becomes: 'standard' },
    });
    const own = await anOwnVolume();
    await replace({ VolumeId: own });
    await advance(61);
    expect((await volume(account, own)).VolumeType).toBe('standard');
  });
});
