import { isDeepStrictEqual } from 'node:util';
import type { Instance, Volume } from '@aws-sdk/client-ec2';
import { TAG } from '../../src/model/names';
import type { AwsAccount } from '../stack/awsAccounts';
import { check, type Check } from './check';
import { allVolumes, instanceById, tagsOf } from './reads';

/** What must survive a migration, of one attached volume. */
interface Attributes {
  type?: string;
  size?: number;
  iops?: number;
  throughput?: number;
  multiAttach: boolean;
  deleteOnTermination?: boolean;
  zone?: string;
  /** The users' own. */
  tags: Record<string, string>;
}

export interface Disk {
  volumeId: string;
  encrypted: boolean;
  kmsKeyId?: string;
  attached: boolean;
  attributes: Attributes;
}

export interface MachineRecord {
  instanceId: string;
  state?: string;
  /** By device. */
  disks: Map<string, Disk>;
}

/** A machine's disks as EC2 shows them now. */
export async function recordMachine(home: AwsAccount, instanceId: string): Promise<MachineRecord> {
  const [instance, volumes] = await Promise.all([
    instanceById(home.ec2(), instanceId),
    allVolumes(home.ec2()),
  ]);
  const byId = new Map(volumes.map((volume) => [volume.VolumeId ?? '', volume]));
  const disks = (instance.BlockDeviceMappings ?? []).map(({ DeviceName = '', Ebs }): [string, Disk] => [
    DeviceName,
    diskOf(byId.get(Ebs?.VolumeId ?? '') ?? {}, instance, Ebs?.DeleteOnTermination),
  ]);
  return { instanceId, state: instance.State?.Name, disks: new Map(disks) };
}

function diskOf(volume: Volume, { InstanceId }: Instance, deleteOnTermination?: boolean): Disk {
  const attachment = volume.Attachments?.find((each) => each.InstanceId === InstanceId);
  const own = Object.entries(tagsOf(volume)).filter(([key]) => !key.startsWith(TAG.prefix));
  return {
    volumeId: volume.VolumeId ?? '',
    encrypted: volume.Encrypted ?? false,
    kmsKeyId: volume.KmsKeyId,
    attached: attachment?.State === 'attached',
    attributes: {
      type: volume.VolumeType,
      size: volume.Size,
      iops: volume.Iops,
      throughput: volume.Throughput,
      multiAttach: volume.MultiAttachEnabled ?? false,
      deleteOnTermination,
      zone: volume.AvailabilityZone,
      tags: Object.fromEntries(own.sort(([one], [other]) => (one < other ? -1 : 1))),
    },
  };
}

/** The machine after its migration against what was recorded before. */
export function compareMachines(before: MachineRecord, after: MachineRecord, keyArn: string): Check[] {
  const devices = [...before.disks.keys()];
  const wrong = devices.flatMap((device) =>
    problemsOf(device, before.disks.get(device), after.disks.get(device), keyArn),
  );
  const extra = [...after.disks.keys()].filter((device) => !before.disks.has(device));
  const right = devices.length - new Set(wrong.map(({ device }) => device)).size;
  const found = [
    ...wrong.map(({ device, problem }) => `${device} ${problem}`),
    ...extra.map((device) => `${device} is new`),
  ];
  return [
    check(
      'volumes encrypted under the key, attached at the same devices, with the same type, size, IOPS, throughput, DeleteOnTermination and tags',
      found.length === 0,
      [`${right} of ${devices.length}`, ...found].join('; '),
    ),
    check('the migrated machine runs', after.state === 'running', `${after.instanceId} is ${after.state}`),
  ];
}

function problemsOf(device: string, before: Disk | undefined, after: Disk | undefined, keyArn: string) {
  if (!before || !after) return [{ device, problem: 'has no volume any more' }];
  const problems = [
    ...(after.encrypted ? [] : ['is not encrypted']),
    ...(after.encrypted && after.kmsKeyId !== keyArn ? [`is under ${after.kmsKeyId}`] : []),
    ...(after.attached ? [] : ['is not attached']),
    ...(after.volumeId === before.volumeId ? ['still has its old volume'] : []),
    ...differences(before.attributes, after.attributes),
  ];
  return problems.map((problem) => ({ device, problem }));
}

function differences(before: Attributes, after: Attributes): string[] {
  return (Object.keys(before) as (keyof Attributes)[])
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .map((name) => `${name} was ${JSON.stringify(before[name])} and is ${JSON.stringify(after[name])}`);
}
