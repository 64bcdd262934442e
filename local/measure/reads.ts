import {
  DescribeInstancesCommand,
  paginateDescribeInstances,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
  type EC2Client,
  type Instance,
  type Snapshot,
  type Tag,
  type Volume,
} from '@aws-sdk/client-ec2';
import { Problem } from '../stack/problem';

/** Plain reads of the local AWS. What the summary says comes from these and not from any workflow. */
export async function allInstances(client: EC2Client): Promise<Instance[]> {
  const found: Instance[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, {})) {
    found.push(...Reservations.flatMap(({ Instances = [] }) => Instances));
  }
  return found;
}

export async function allVolumes(client: EC2Client): Promise<Volume[]> {
  const found: Volume[] = [];
  for await (const { Volumes = [] } of paginateDescribeVolumes({ client }, {})) found.push(...Volumes);
  return found;
}

/** The account's own snapshots. */
export async function ownSnapshots(client: EC2Client): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client }, { OwnerIds: ['self'] })) {
    found.push(...Snapshots);
  }
  return found;
}

export async function instanceById(client: EC2Client, instanceId: string): Promise<Instance> {
  const { Reservations } = await client.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
  const instance = Reservations?.[0]?.Instances?.[0];
  if (!instance) throw new Problem(`the local AWS has no instance ${instanceId}`);
  return instance;
}

export function tagsOf({ Tags = [] }: { Tags?: Tag[] }): Record<string, string> {
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}
