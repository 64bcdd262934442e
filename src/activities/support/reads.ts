import {
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  paginateDescribeImages,
  paginateDescribeInstances,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
  type DescribeImagesCommandInput,
  type EC2Client,
  type Filter,
  type Instance,
} from '@aws-sdk/client-ec2';
import { inChunks } from '../../model/group';
import { MOST_FILTER_VALUES } from '../../model/selector';
import {
  knownImages,
  knownInstances,
  knownSnapshots,
  knownVolumes,
  type KnownImage,
  type KnownInstance,
  type KnownSnapshot,
  type KnownVolume,
} from './known';

/** Values that a call takes in its only filter. */
export const FILTER_VALUES = MOST_FILTER_VALUES;
/** Of the most that EC2 gives at a time. */
const PAGE = 1000;

/** What is read page by page: the size of a page, and the ids that were asked for, where they were. */
interface Paging {
  pageSize?: number;
  asked?: readonly string[];
}

/** Those of the instances that exist, in any state. */
export async function* instancesById(ec2: EC2Client, ids: readonly string[]): AsyncGenerator<KnownInstance> {
  for (const asked of inChunks(ids, FILTER_VALUES))
    for await (const page of instancePages(ec2, [{ Name: 'instance-id', Values: asked }], { asked }))
      yield* page;
}

/** Those of the volumes that exist. */
export async function* volumesById(ec2: EC2Client, ids: readonly string[]): AsyncGenerator<KnownVolume> {
  for (const asked of inChunks(ids, FILTER_VALUES))
    for await (const page of volumePages(ec2, [{ Name: 'volume-id', Values: asked }], { asked })) yield* page;
}

export async function* instancePages(
  ec2: EC2Client,
  Filters: Filter[] | undefined,
  { pageSize = PAGE, asked }: Paging = {},
): AsyncGenerator<KnownInstance[]> {
  const pages = paginateDescribeInstances({ client: ec2, pageSize }, { Filters });
  for await (const { Reservations } of pages) yield knownInstances(Reservations, asked);
}

export async function* volumePages(
  ec2: EC2Client,
  Filters: Filter[] | undefined,
  { pageSize = PAGE, asked }: Paging = {},
): AsyncGenerator<KnownVolume[]> {
  const pages = paginateDescribeVolumes({ client: ec2, pageSize }, { Filters });
  for await (const { Volumes } of pages) yield knownVolumes(Volumes, asked);
}

/** Of the account's own. */
export async function* snapshotPages(
  ec2: EC2Client,
  Filters: Filter[] | undefined,
  { pageSize = PAGE, asked }: Paging = {},
): AsyncGenerator<KnownSnapshot[]> {
  const pages = paginateDescribeSnapshots({ client: ec2, pageSize }, { OwnerIds: ['self'], Filters });
  for await (const { Snapshots } of pages) yield knownSnapshots(Snapshots, asked);
}

/** Of the account's own. */
export async function* imagePages(
  ec2: EC2Client,
  query: Omit<DescribeImagesCommandInput, 'Owners'>,
): AsyncGenerator<KnownImage[]> {
  const pages = paginateDescribeImages({ client: ec2, pageSize: PAGE }, { Owners: ['self'], ...query });
  for await (const { Images } of pages) yield knownImages(Images);
}

/** In one call: for filters that few pass. */
export async function findVolumes(
  ec2: EC2Client,
  Filters: Filter[],
  asked?: readonly string[],
): Promise<KnownVolume[]> {
  return knownVolumes((await ec2.send(new DescribeVolumesCommand({ Filters }))).Volumes, asked);
}

/** The account's own, in one call: for filters that few pass. */
export async function findSnapshots(
  ec2: EC2Client,
  Filters: Filter[],
  asked?: readonly string[],
): Promise<KnownSnapshot[]> {
  const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
  return knownSnapshots(Snapshots, asked);
}

export function attachedVolumeIds({ BlockDeviceMappings = [] }: Instance): string[] {
  return BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.VolumeId ?? []);
}

export function rootVolumeId({ RootDeviceName, BlockDeviceMappings = [] }: Instance): string | undefined {
  return BlockDeviceMappings.find(({ DeviceName }) => DeviceName === RootDeviceName)?.Ebs?.VolumeId;
}
