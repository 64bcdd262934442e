import {
  CreateVolumeCommand,
  DescribeInstancesCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  type EC2Client,
  type InstanceStateName,
  type Tag,
} from '@aws-sdk/client-ec2';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACCOUNTS, HOME_REGION } from '../stack/accounts';
import type { AwsAccount, LocalAccounts } from '../stack/awsAccounts';
import { Problem } from '../stack/problem';
import { FLEET, ROOT_DEVICE, type SeedAccount, type SeedDisk, type SeedInstance } from './fleet';

export interface SeededFleet {
  accounts: number;
  instances: number;
  volumes: number;
  /** Instance ids of the home account by name. */
  home: Map<string, string>;
}

const STATE_WITHIN_MS = 30_000;

/** Makes the fleet by plain EC2 calls, as if it had always been there: unencrypted, tagged, unprotected. */
export async function seed(accounts: LocalAccounts): Promise<SeededFleet> {
  const [second = ''] = ACCOUNTS.others;
  await accounts.createWorkerRole(second);
  const [home, other] = await Promise.all([
    seedAccount(await accounts.home(), FLEET.home),
    seedAccount(await accounts.account(second), FLEET.second),
  ]);
  const parts = [FLEET.home, FLEET.second];
  const sum = (count: (part: SeedAccount) => number) => parts.reduce((total, part) => total + count(part), 0);
  return {
    accounts: parts.length,
    instances: home.size + other.size,
    volumes: sum(({ instances, volumes }) => volumes.length + instances.flatMap(({ disks }) => disks).length),
    home,
  };
}

async function seedAccount(
  account: AwsAccount,
  { instances, volumes }: SeedAccount,
): Promise<Map<string, string>> {
  const ec2 = account.ec2();
  const ImageId = await registerImage(ec2, account.accountId);
  const ids = new Map<string, string>();
  for (const instance of instances) ids.set(instance.name, await runInstance(ec2, ImageId, instance));
  for (const { name, type, size, tags } of volumes) {
    await ec2.send(
      new CreateVolumeCommand({
        AvailabilityZone: `${HOME_REGION}a`,
        VolumeType: type,
        Size: size,
        TagSpecifications: [{ ResourceType: 'volume', Tags: tagList({ Name: name, ...tags }) }],
      }),
    );
  }
  await reach(ec2, [...ids.values()], 'running');
  const stopped = instances.flatMap(({ name, stopped }) => (stopped ? (ids.get(name) ?? []) : []));
  if (stopped.length > 0) {
    await ec2.send(new StopInstancesCommand({ InstanceIds: stopped }));
    await reach(ec2, stopped, 'stopped');
  }
  return ids;
}

/** Accounts begin without images. */
async function registerImage(ec2: EC2Client, accountId: string): Promise<string> {
  const { ImageId } = await ec2.send(
    new RegisterImageCommand({
      Name: `base-linux-${accountId}`,
      Architecture: 'x86_64',
      RootDeviceName: ROOT_DEVICE,
      VirtualizationType: 'hvm',
      BlockDeviceMappings: [{ DeviceName: ROOT_DEVICE, Ebs: { VolumeSize: 8, VolumeType: 'gp3' } }],
    }),
  );
  return needed(ImageId, 'RegisterImage');
}

async function runInstance(
  ec2: EC2Client,
  ImageId: string,
  { name, type, tags, disks }: SeedInstance,
): Promise<string> {
  const Tags = tagList({ Name: name, ...tags });
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId,
      InstanceType: type,
      MinCount: 1,
      MaxCount: 1,
      // An address that EC2 assigns would change at a stop, and Holdfast rightly refuses to stop such a machine.
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
      Placement: { AvailabilityZone: `${HOME_REGION}a` },
      BlockDeviceMappings: disks.map(deviceMapping),
      TagSpecifications: [
        { ResourceType: 'instance', Tags },
        { ResourceType: 'volume', Tags },
      ],
    }),
  );
  return needed(Instances?.[0]?.InstanceId, 'RunInstances');
}

function deviceMapping({ device, type, size, iops, throughput, deleteOnTermination }: SeedDisk) {
  return {
    DeviceName: device,
    Ebs: {
      VolumeType: type,
      VolumeSize: size,
      ...(iops && { Iops: iops }),
      ...(throughput && { Throughput: throughput }),
      DeleteOnTermination: deleteOnTermination ?? device === ROOT_DEVICE,
    },
  };
}

async function reach(ec2: EC2Client, InstanceIds: string[], wanted: InstanceStateName): Promise<void> {
  const deadline = Date.now() + STATE_WITHIN_MS;
  for (;;) {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds }));
    const states = Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
    if (states.every((state) => state === wanted)) return;
    if (Date.now() > deadline) throw new Problem(`the local AWS does not bring the fleet to ${wanted}`);
    await sleep(50);
  }
}

function tagList(tags: Record<string, string>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function needed<Value>(value: Value | undefined, call: string): Value {
  if (value === undefined) throw new Problem(`${call}: the local AWS gave nothing`);
  return value;
}
