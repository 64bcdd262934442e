import {
  CreateSnapshotCommand,
  DescribeSnapshotsCommand,
  CreateVolumeCommand,
  AttachVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  ModifyInstanceAttributeCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  type EC2Client,
  type _InstanceType,
  type Instance,
  type Volume,
  type VolumeType,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { HOME_REGION, type TestAccount } from './accounts';
import { until } from './until';
import { FILTER_VALUES } from '../../src/activities/support/reads';

export interface DiskSpec {
  device: string;
  type?: VolumeType;
  /** GiB. */
  size?: number;
  iops?: number;
  /** MiB/s; gp3 only. */
  throughput?: number;
  deleteOnTermination?: boolean;
  /** Encrypts it under this key. */
  kmsKeyId?: string;
}

interface InstanceSpec {
  region?: string;
  tags?: Record<string, string>;
  /** The root device; `/dev/xvda`, gp3, 8 GiB when left out. */
  root?: Partial<DiskSpec>;
  /** Data volumes; one gp3 of 10 GiB with its own IOPS and throughput when left out. */
  data?: DiskSpec[];
  instanceType?: _InstanceType;
  /** Has EC2 assign a public IPv4, which a stop would change. */
  publicIp?: boolean;
}

export interface SeededInstance {
  instanceId: string;
  /** Volume id by device. */
  volumes: Record<string, string>;
}

const DATA_VOLUME: DiskSpec = { device: '/dev/sdf', type: 'gp3', size: 10, iops: 4000, throughput: 250 };

/**
 * With its root as many as an instance of most types takes:
 * https://docs.aws.amazon.com/ebs/latest/userguide/volume_limits.html
 */
export const MANY_DATA_VOLUMES: DiskSpec[] = [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => ({
  device: `/dev/xvdb${letter}`,
  type: 'gp3',
  size: 1,
}));

/** An image to start instances from; accounts begin with none. */
export async function anImage(account: TestAccount, region = HOME_REGION): Promise<string> {
  if (account.baseImage) return account.baseImage(region);
  const { ImageId } = await account.ec2(region).send(
    new RegisterImageCommand({
      Name: `seed-${account.accountId}-${Math.random().toString(36).slice(2)}`,
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      VirtualizationType: 'hvm',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8, VolumeType: 'gp3' } }],
    }),
  );
  return needed(ImageId, 'RegisterImage');
}

/** A running instance with an unencrypted root and data volumes, attached at their devices. */
export async function anInstance(account: TestAccount, spec: InstanceSpec = {}): Promise<SeededInstance> {
  const { region = HOME_REGION, tags = {}, root = {}, data = [DATA_VOLUME] } = spec;
  const ec2 = account.ec2(region);
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: await anImage(account, region),
      InstanceType: spec.instanceType ?? 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: spec.publicIp ?? false }],
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: {
            VolumeSize: root.size ?? 8,
            VolumeType: root.type ?? 'gp3',
            DeleteOnTermination: root.deleteOnTermination ?? true,
            ...(root.iops && { Iops: root.iops }),
            ...(root.throughput && { Throughput: root.throughput }),
            ...(root.kmsKeyId && { Encrypted: true, KmsKeyId: root.kmsKeyId }),
          },
        },
      ],
      ...(Object.keys(tags).length > 0 && {
        TagSpecifications: [{ ResourceType: 'instance', Tags: tagList(tags) }],
      }),
    }),
  );
  const instanceId = needed(Instances?.[0]?.InstanceId, 'RunInstances');
  let started: Instance | undefined;
  await until(async () => {
    started = await instance(account, instanceId, region);
    return started.State?.Name === 'running';
  });
  const zone = needed(started?.Placement?.AvailabilityZone, 'DescribeInstances');
  await attachNew(ec2, instanceId, zone, data);
  return { instanceId, volumes: await disksOf(account, instanceId, region) };
}

/** Stops an instance and waits until it is stopped. */
export async function stopped(account: TestAccount, instanceId: string): Promise<void> {
  await account.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
  await until(async () => (await instance(account, instanceId)).State?.Name === 'stopped');
}

/** All are made at once, and attached in their order. */
async function attachNew(ec2: EC2Client, InstanceId: string, zone: string, disks: DiskSpec[]): Promise<void> {
  if (disks.length === 0) return;
  const made = await Promise.all(disks.map((disk) => createVolume(ec2, zone, disk, {})));
  await until(async () => {
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: made }));
    return Volumes.every(({ State }) => State === 'available');
  });
  for (const [index, { device }] of disks.entries())
    await ec2.send(new AttachVolumeCommand({ InstanceId, VolumeId: made[index], Device: device }));
  await ec2.send(
    new ModifyInstanceAttributeCommand({
      InstanceId,
      BlockDeviceMappings: disks.map(({ device, deleteOnTermination = false }) => ({
        DeviceName: device,
        Ebs: { DeleteOnTermination: deleteOnTermination },
      })),
    }),
  );
}

/** A volume attached to nothing. */
export async function aVolume(
  account: TestAccount,
  spec: Omit<DiskSpec, 'device'> & {
    region?: string;
    tags?: Record<string, string>;
    multiAttach?: boolean;
  } = {},
): Promise<string> {
  const region = spec.region ?? HOME_REGION;
  return createVolume(account.ec2(region), `${region}a`, spec, spec.tags ?? {});
}

/** More volumes attached to nothing than one page of a run holds: the first pages of their policy have a next one. */
export async function volumesOfTwoPages(
  account: TestAccount,
  tags: Record<string, string>,
): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length <= FILTER_VALUES)
    ids.push(...(await Promise.all(Array.from({ length: 20 }, () => aVolume(account, { tags, size: 1 })))));
  return ids;
}

async function createVolume(
  ec2: EC2Client,
  zone: string,
  {
    type = 'gp3',
    size = 10,
    iops,
    throughput,
    kmsKeyId,
    multiAttach,
  }: Omit<DiskSpec, 'device'> & { multiAttach?: boolean },
  tags: Record<string, string>,
): Promise<string> {
  const { VolumeId } = await ec2.send(
    new CreateVolumeCommand({
      AvailabilityZone: zone,
      VolumeType: type,
      Size: size,
      ...(iops && { Iops: iops }),
      ...(throughput && { Throughput: throughput }),
      ...(kmsKeyId && { Encrypted: true, KmsKeyId: kmsKeyId }),
      ...(multiAttach && { MultiAttachEnabled: true }),
      ...(Object.keys(tags).length > 0 && {
        TagSpecifications: [{ ResourceType: 'volume', Tags: tagList(tags) }],
      }),
    }),
  );
  return needed(VolumeId, 'CreateVolume');
}

/** Waits until the snapshot is complete. */
export async function completed(account: TestAccount, snapshotId = ''): Promise<string> {
  await until(async () => {
    const { Snapshots } = await account
      .ec2()
      .send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }));
    return Snapshots?.[0]?.State === 'completed';
  });
  return snapshotId;
}

/** A completed snapshot of a volume. */
export async function snapshotOf(account: TestAccount, VolumeId: string): Promise<string> {
  const { SnapshotId } = await account.ec2().send(new CreateSnapshotCommand({ VolumeId }));
  return completed(account, SnapshotId);
}

/** A customer managed key; its ARN. */
export async function aKey(account: TestAccount, region = HOME_REGION): Promise<string> {
  const { KeyMetadata } = await account
    .kms(region)
    .send(new CreateKeyCommand({ Description: 'seed', KeyUsage: 'ENCRYPT_DECRYPT' }));
  return needed(KeyMetadata?.Arn, 'CreateKey');
}

export async function instance(account: TestAccount, id: string, region = HOME_REGION): Promise<Instance> {
  const { Reservations } = await account
    .ec2(region)
    .send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return needed(Reservations?.[0]?.Instances?.[0], `instance ${id}`);
}

/** Volume ids of an instance by device. */
export async function disksOf(
  account: TestAccount,
  instanceId: string,
  region = HOME_REGION,
): Promise<Record<string, string>> {
  const { BlockDeviceMappings = [] } = await instance(account, instanceId, region);
  return Object.fromEntries(
    BlockDeviceMappings.map(({ DeviceName, Ebs }) => [DeviceName ?? '', Ebs?.VolumeId ?? '']),
  );
}

export async function volume(account: TestAccount, id: string, region = HOME_REGION): Promise<Volume> {
  const { Volumes } = await account.ec2(region).send(new DescribeVolumesCommand({ VolumeIds: [id] }));
  return needed(Volumes?.[0], `volume ${id}`);
}

export function tagsOf({ Tags = [] }: { Tags?: { Key?: string; Value?: string }[] }): Record<string, string> {
  return Object.fromEntries(Tags.map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

function tagList(tags: Record<string, string>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function needed<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`${what}: the local AWS gave nothing`);
  return value;
}
