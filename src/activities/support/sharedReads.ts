import { asyncLocalStorage } from '@temporalio/activity';
import {
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  type EC2Client,
  type InstanceStatus,
  type VolumeModification,
} from '@aws-sdk/client-ec2';
import DataLoader from 'dataloader';
import { isNotFound } from '../../aws/failures';
import {
  instancesOf,
  knownInstance,
  knownSnapshot,
  knownVolume,
  told,
  untold,
  type KnownInstance,
  type KnownModification,
  type KnownSnapshot,
  type KnownVolume,
  type Told,
} from './known';
import { FILTER_VALUES } from './reads';

/** How long a read waits for others of its kind: a tenth of what a call takes, and long enough for a wave's machines. */
const GATHER_MS = 20;
/** Ids that DescribeInstanceStatus takes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html */
const STATUS_IDS = 100;

/** One thing by its id, as it is now; undefined where EC2 shows none. */
export type Read<Item> = (ec2: EC2Client, id: string) => Promise<Item | undefined>;

/**
 * Reads of single things that activities of many machines make at about the same time, as one call for each client,
 * which is to say for each account, region and role. Nothing is kept: what a read answers was asked after the read
 * began, so it shows what its caller has written before.
 */
export function sharedRead<Item>(
  list: (ec2: EC2Client, ids: string[]) => Promise<Item[]>,
  idOf: (item: Item) => string | undefined,
  maxBatchSize = FILTER_VALUES,
): Read<Item> {
  const loaders = new WeakMap<EC2Client, DataLoader<string, Item | undefined>>();
  const loaderOf = (ec2: EC2Client) => {
    const known = loaders.get(ec2);
    if (known) return known;
    const load = async (ids: readonly string[]) => {
      // The call is everybody's: it must not end with the activity that happens to be the first.
      const items = await asyncLocalStorage.exit(() => list(ec2, [...new Set(ids)]));
      const found = new Map(items.map((item) => [idOf(item) || undefined, item]));
      // What came without its id may be any of those that seem not to be there.
      const isSure = !found.has(undefined);
      const unseen = isSure ? undefined : untold(ids.join(', '), 'an id');
      return ids.map((id): Item | Error | undefined => found.get(id) ?? unseen);
    };
    const batchScheduleFn = (dispatch: () => void) => void setTimeout(dispatch, GATHER_MS);
    const made = new DataLoader<string, Item | undefined>(load, {
      cache: false,
      maxBatchSize,
      batchScheduleFn,
    });
    loaders.set(ec2, made);
    return made;
  };
  return (ec2, id) => loaderOf(ec2).load(id);
}

/** Filters, where EC2 has one: of ids that it is given as such, a single one that is gone fails the whole call. */
const byId = (Name: string, Values: string[]) => ({ Filters: [{ Name, Values }] });

/** Each answer passes the door by itself: one that is refused fails nobody else's read. */
function throughDoor<Shape extends object, Id extends keyof Shape & string, Item>(
  read: Read<Shape>,
  id: Id,
  door: (answered: Told<Shape, Id>) => Item,
): Read<Item> {
  return async (ec2, asked) => {
    const answered = await read(ec2, asked);
    return answered && door(told(answered, asked, id));
  };
}

export const readInstance: Read<KnownInstance> = throughDoor(
  sharedRead(
    async (ec2, ids) =>
      instancesOf((await ec2.send(new DescribeInstancesCommand(byId('instance-id', ids)))).Reservations),
    ({ InstanceId }) => InstanceId,
  ),
  'InstanceId',
  knownInstance,
);

export const readVolume: Read<KnownVolume> = throughDoor(
  sharedRead(
    async (ec2, ids) => (await ec2.send(new DescribeVolumesCommand(byId('volume-id', ids)))).Volumes ?? [],
    ({ VolumeId }) => VolumeId,
  ),
  'VolumeId',
  knownVolume,
);

/** The latest change of a volume's type, size or performance. */
export const readModification: Read<KnownModification> = throughDoor(
  sharedRead<VolumeModification>(
    async (ec2, ids) =>
      (await ec2.send(new DescribeVolumesModificationsCommand(byId('volume-id', ids))))
        .VolumesModifications ?? [],
    ({ VolumeId }) => VolumeId,
  ),
  'VolumeId',
  (modification) => told(modification, `a modification of ${modification.VolumeId}`, 'ModificationState'),
);

export const readSnapshot: Read<KnownSnapshot> = throughDoor(
  sharedRead(
    async (ec2, ids) =>
      (await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], ...byId('snapshot-id', ids) })))
        .Snapshots ?? [],
    ({ SnapshotId }) => SnapshotId,
  ),
  'SnapshotId',
  knownSnapshot,
);

/** Of running instances; others have no status. */
export const readStatus = sharedRead<InstanceStatus>(statuses, ({ InstanceId }) => InstanceId, STATUS_IDS);

/** No filter takes ids here. Where one of them is gone, each is asked for by itself. */
async function statuses(ec2: EC2Client, InstanceIds: string[]): Promise<InstanceStatus[]> {
  try {
    const { InstanceStatuses = [] } = await ec2.send(new DescribeInstanceStatusCommand({ InstanceIds }));
    return InstanceStatuses;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (InstanceIds.length === 1) return [];
    return (await Promise.all(InstanceIds.map((id) => statuses(ec2, [id])))).flat();
  }
}

/** Those of several that exist, in their order. */
export async function readAll<Item>(
  ids: readonly string[],
  read: (id: string) => Promise<Item | undefined>,
): Promise<Item[]> {
  const items = await Promise.all(ids.map(read));
  return items.filter((item) => item !== undefined);
}
