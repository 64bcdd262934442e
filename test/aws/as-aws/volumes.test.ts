import {
  AttachVolumeCommand,
  CopyVolumesCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateVolumeCommand,
  DescribeReplaceRootVolumeTasksCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  DescribeVolumeStatusCommand,
  ModifyVolumeCommand,
  type CreateVolumeCommandInput,
  type Volume,
} from '@aws-sdk/client-ec2';
import { randomUUID } from 'node:crypto';
import type { TestAccount } from '../../support/accounts';
import { aKey, anInstance, disksOf, instance, volume, snapshotOf } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

describe('volumes', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  const ec2 = () => account.ec2();
  async function create(more: Partial<CreateVolumeCommandInput>): Promise<Volume> {
    return ec2().send(new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 4, ...more }));
  }
  async function available(more: Partial<CreateVolumeCommandInput> = {}): Promise<string> {
    const { VolumeId = '' } = await create({ VolumeType: 'gp3', ...more });
    await until(async () => (await volume(account, VolumeId)).State === 'available');
    return VolumeId;
  }

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html */
  describe('have the performance of their type', () => {
    it.each<[Partial<CreateVolumeCommandInput>, Partial<Volume>]>([
      [{ VolumeType: 'gp3' }, { Iops: 3000, Throughput: 125 }],
      [
        { VolumeType: 'gp3', Iops: 4000, Throughput: 250, Size: 8 },
        { Iops: 4000, Throughput: 250 },
      ],
      [{ VolumeType: 'gp2', Size: 200 }, { Iops: 600 }],
      [{ VolumeType: 'gp2', Size: 1 }, { Iops: 100 }],
      [{ VolumeType: 'io2', Iops: 500 }, { Iops: 500 }],
    ])('%j', async (asked, told) => {
      expect(await create(asked)).toMatchObject(told);
    });

    it.each<[Partial<CreateVolumeCommandInput>, string]>([
      [{ VolumeType: 'io2' }, 'InvalidParameterCombination'],
      [{ VolumeType: 'gp2', Iops: 3000 }, 'InvalidParameterCombination'],
      [{ VolumeType: 'gp2', Throughput: 125 }, 'InvalidParameterCombination'],
      [{ VolumeType: 'gp3', Iops: 2999 }, 'InvalidParameterValue'],
      [{ VolumeType: 'gp3', Iops: 3000, Throughput: 1000 }, 'InvalidParameterValue'],
      [{ VolumeType: 'io1', Iops: 5000, Size: 4 }, 'InvalidParameterValue'],
      [{ VolumeType: 'st1', Size: 100 }, 'InvalidParameterValue'],
      [{ VolumeType: 'gp3', MultiAttachEnabled: true }, 'InvalidParameterCombination'],
      [{ VolumeType: 'gp3', KmsKeyId: 'alias/aws/ebs' }, 'InvalidParameterDependency'],
      [{ VolumeType: 'gp3', AvailabilityZone: 'us-east-1z' }, 'InvalidZone.NotFound'],
    ])('%j is %s', async (asked, name) => {
      await expect(create(asked)).rejects.toMatchObject({ name });
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html (MaxResults) */
  it('are described page by page', async () => {
    const tag = { Key: 'page', Value: randomUUID() };
    const TagSpecifications = [{ ResourceType: 'volume' as const, Tags: [tag] }];
    const made = await Promise.all(
      Array.from({ length: 7 }, () => create({ VolumeType: 'gp3', TagSpecifications })),
    );
    const found: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ec2().send(
        new DescribeVolumesCommand({
          Filters: [{ Name: `tag:${tag.Key}`, Values: [tag.Value] }],
          MaxResults: 5,
          NextToken,
        }),
      );
      found.push(...(page.Volumes ?? []).map(({ VolumeId }) => VolumeId));
      NextToken = page.NextToken;
    } while (NextToken);
    expect(found.sort()).toEqual(made.map(({ VolumeId }) => VolumeId).sort());
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html */
  it('attach to several instances where they are Multi-Attach', async () => {
    const machines = await Promise.all(
      [1, 2].map(() => anInstance(account, { data: [], instanceType: 'm5.large' })),
    );
    const zones = await Promise.all(machines.map(({ instanceId }) => instance(account, instanceId)));
    const AvailabilityZone = zones[0]?.Placement?.AvailabilityZone;
    const VolumeId = await available({
      VolumeType: 'io2',
      Iops: 100,
      MultiAttachEnabled: true,
      AvailabilityZone,
    });
    for (const { instanceId: InstanceId } of machines)
      await ec2().send(new AttachVolumeCommand({ VolumeId, InstanceId, Device: '/dev/sdm' }));
    await until(async () => (await volume(account, VolumeId)).Attachments?.length === 2);
    const { Attachments = [], State } = await volume(account, VolumeId);
    expect(State).toBe('in-use');
    expect(Attachments.map(({ InstanceId }) => InstanceId).sort()).toEqual(
      machines.map(({ instanceId }) => instanceId).sort(),
    );
    const [first] = machines;
    await expect(
      ec2().send(new AttachVolumeCommand({ VolumeId, InstanceId: first?.instanceId, Device: '/dev/sdn' })),
    ).rejects.toMatchObject({ name: 'VolumeInUse' });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modify-volume.html */
  describe('are modified', () => {
    const modify = (VolumeId: string, more: object) =>
      ec2().send(new ModifyVolumeCommand({ VolumeId, ...more }));
    const state = async (id: string) => {
      const { VolumesModifications } = await ec2().send(
        new DescribeVolumesModificationsCommand({ VolumeIds: [id] }),
      );
      return VolumesModifications?.[0];
    };

    it('in size, type and performance, and tell how far they are', async () => {
      const id = await available();
      const { VolumeModification } = await modify(id, { Size: 8, Iops: 3500 });
      expect(VolumeModification).toMatchObject({
        OriginalSize: 4,
        TargetSize: 8,
        OriginalIops: 3000,
        TargetIops: 3500,
      });
      await until(async () => (await state(id))?.ModificationState === 'completed');
      expect(await state(id)).toMatchObject({ Progress: 100 });
      expect(await volume(account, id)).toMatchObject({
        Size: 8,
        Iops: 3500,
        Throughput: 125,
        VolumeType: 'gp3',
      });
    });

    it('but never to be smaller', async () => {
      await expect(modify(await available(), { Size: 3 })).rejects.toMatchObject({
        name: 'InvalidParameterValue',
      });
    });

    it('and say so where they never were', async () => {
      await expect(state(await available())).rejects.toMatchObject({
        name: 'InvalidVolumeModification.NotFound',
      });
    });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html */
  describe('are copied', () => {
    it('under a key, without tags, as gp2 unless a type is asked for', async () => {
      const kmsKeyId = await aKey(account);
      const source = await available({
        TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a', Value: 'b' }] }],
      });
      const { Volumes = [] } = await ec2().send(
        new CopyVolumesCommand({ SourceVolumeId: source, Encrypted: true, KmsKeyId: kmsKeyId }),
      );
      expect(Volumes).toMatchObject([
        { SourceVolumeId: source, Encrypted: true, KmsKeyId: kmsKeyId, VolumeType: 'gp2', Size: 4 },
      ]);
      const id = Volumes[0]?.VolumeId ?? '';
      await until(async () => (await volume(account, id)).State === 'available');
      expect((await volume(account, id)).Tags ?? []).toEqual([]);
      const { VolumeStatuses } = await ec2().send(new DescribeVolumeStatusCommand({ VolumeIds: [id] }));
      expect(VolumeStatuses?.[0]?.InitializationStatusDetails).toMatchObject({
        InitializationType: 'volume-copy',
      });
    });

    it('by one client token once', async () => {
      const source = await available();
      const copy = new CopyVolumesCommand({
        SourceVolumeId: source,
        VolumeType: 'gp3',
        ClientToken: randomUUID(),
      });
      const ids = [await ec2().send(copy), await ec2().send(copy)].map(
        ({ Volumes }) => Volumes?.[0]?.VolumeId,
      );
      expect(ids[0]).toBe(ids[1]);
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html */
  it('replace the root of a running instance by one of a snapshot', async () => {
    const { instanceId, volumes } = await anInstance(account, { root: { size: 4 }, data: [] });
    const [device = '', root = ''] = Object.entries(volumes)[0] ?? [];
    const SnapshotId = await snapshotOf(account, root);
    const { ReplaceRootVolumeTask } = await ec2().send(
      new CreateReplaceRootVolumeTaskCommand({ InstanceId: instanceId, SnapshotId }),
    );
    const id = ReplaceRootVolumeTask?.ReplaceRootVolumeTaskId ?? '';
    await until(async () => {
      const { ReplaceRootVolumeTasks } = await ec2().send(
        new DescribeReplaceRootVolumeTasksCommand({ ReplaceRootVolumeTaskIds: [id] }),
      );
      return ReplaceRootVolumeTasks?.[0]?.TaskState === 'succeeded';
    });
    const now = (await disksOf(account, instanceId))[device] ?? '';
    expect(now).not.toBe(root);
    expect((await instance(account, instanceId)).State?.Name).toBe('running');
    await until(async () => (await volume(account, root)).State === 'available');
  });
});
