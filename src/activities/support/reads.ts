import {
  paginateDescribeInstances,
  paginateDescribeVolumes,
  type EC2Client,
  type Instance,
  type Volume,
} from '@aws-sdk/client-ec2';
import { MOST_FILTER_VALUES } from '../../model/selector';

/** Values that a call takes in its only filter. */
export const FILTER_VALUES = MOST_FILTER_VALUES;

/** Those of the instances that exist, in any state. */
export async function* instancesById(ec2: EC2Client, ids: readonly string[]): AsyncGenerator<Instance> {
  for (let start = 0; start < ids.length; start += FILTER_VALUES) {
    const Filters = [{ Name: 'instance-id', Values: ids.slice(start, start + FILTER_VALUES) }];
    for await (const { Reservations = [] } of paginateDescribeInstances(
      { client: ec2, pageSize: 1000 },
      { Filters },
    )) {
      for (const { Instances = [] } of Reservations) yield* Instances;
    }
  }
}

/** Those of the volumes that exist. */
export async function* volumesById(ec2: EC2Client, ids: readonly string[]): AsyncGenerator<Volume> {
  for (let start = 0; start < ids.length; start += FILTER_VALUES) {
    const Filters = [{ Name: 'volume-id', Values: ids.slice(start, start + FILTER_VALUES) }];
    for await (const { Volumes = [] } of paginateDescribeVolumes(
      { client: ec2, pageSize: 1000 },
      { Filters },
    ))
      yield* Volumes;
  }
}

export function attachedVolumeIds({ BlockDeviceMappings = [] }: Instance): string[] {
  return BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.VolumeId ?? []);
}

export function rootVolumeId({ RootDeviceName, BlockDeviceMappings = [] }: Instance): string | undefined {
  return BlockDeviceMappings.find(({ DeviceName }) => DeviceName === RootDeviceName)?.Ebs?.VolumeId;
}
