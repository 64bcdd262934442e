import {
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  paginateDescribeSnapshots,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { Context } from '@temporalio/activity';
import { createHash } from 'node:crypto';
import { isNotFound } from '../../aws/failures';
import { ownDescription, TAG } from '../../model/names';
import {
  claimsOf,
  contradiction,
  volumeOf,
  type Claimant,
  type Claims,
} from '../../model/points/pointClaims';
import { otherOwner } from '../../model/points/snapshotOwner';
import { targetKey, type Target } from '../../model/target';
import { tagMap } from '../support/tags';
import { FILTER_VALUES } from '../support/reads';

const PAGE = 1000;

/**
 * The id of what one run makes of one resource. The same policy, slot and resource always give the same id: it is
 * the key by which a second call finds what the first one made.
 */
export function recoveryPointId(
  policyName: string,
  slotMs: number,
  target: Target,
  resourceId: string,
): string {
  const key = [policyName, slotMs, targetKey(target), resourceId].join('|');
  return `rp-${createHash('sha256').update(key).digest('hex').slice(0, 17)}`;
}

/**
 * Tag and description must agree, and AWS's own records must not contradict them: people copy tags, and snapshots with all
 * their tags. What AWS Backup or DLM look after is theirs whatever it carries.
 */
export function isOwnSnapshot(snapshot: Snapshot): boolean {
  return isMarked(snapshot) && contradiction(claimantOf(snapshot)) === undefined;
}

/** By tag and description alone, which only find: {@link claims} says whose it is. */
export function isMarked({ Description, Tags = [] }: Snapshot): boolean {
  const id = Tags.find(({ Key }) => Key === TAG.recoveryPoint)?.Value;
  const keys = Tags.map(({ Key = '' }) => Key);
  return id !== undefined && Description === ownDescription(id) && otherOwner(keys) === undefined;
}

type Claiming = Claimant & { snapshot: Snapshot };

export function claimantOf(snapshot: Snapshot): Claiming {
  const { SnapshotId: snapshotId = '', VolumeId: volumeId = '', StartTime, Tags } = snapshot;
  return { snapshotId, volumeId, startedAt: StartTime?.getTime() ?? 0, tags: tagMap(Tags), snapshot };
}

export function claims(snapshots: readonly Snapshot[]): Claims<Claiming> {
  return claimsOf(snapshots.filter(isMarked).map(claimantOf));
}

/**
 * The account's own snapshots of these recovery points, by recovery point id: one a volume, or a snapshot that copies are of.
 * An encrypted copy that stands for a snapshot is of the volume that the snapshot was of, and counts once that is gone.
 */
export async function snapshotsOf(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Snapshot[]>> {
  const found = new Map<string, Snapshot[]>();
  for (const [id, all] of await claimsFor(ec2, recoveryPointIds))
    found.set(
      id,
      all.own.map((each) => ({ ...each.snapshot, VolumeId: volumeOf(each) })),
    );
  return found;
}

/** Who claims to be of these recovery points, by recovery point id. */
export async function claimsFor(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Claims<Claiming>>> {
  const marked = await markedFor(ec2, recoveryPointIds);
  return new Map([...marked].map(([id, snapshots]) => [id, claims(snapshots)]));
}

/** All that carry the marks of these recovery points, by recovery point id. */
export async function markedFor(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Snapshot[]>> {
  const marked = new Map<string, Snapshot[]>();
  for (let start = 0; start < recoveryPointIds.length; start += FILTER_VALUES) {
    const Values = recoveryPointIds.slice(start, start + FILTER_VALUES);
    const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values }];
    for await (const snapshot of markedSnapshots(ec2, Filters)) {
      const id = tagMap(snapshot.Tags)[TAG.recoveryPoint] ?? '';
      marked.set(id, [...(marked.get(id) ?? []), snapshot]);
    }
  }
  return marked;
}

/** What a copy itself does not tell, where the copy stands for the snapshot. */
export function sourceVolumeOf(snapshot: Snapshot): string {
  return volumeOf(claimantOf(snapshot));
}

/** The account's own snapshots by id, those that are there: a filter, because ids alone fail when one of them is not. */
export async function snapshotsById(
  ec2: EC2Client,
  snapshotIds: readonly string[],
): Promise<Map<string, Snapshot>> {
  const found = new Map<string, Snapshot>();
  for (let start = 0; start < snapshotIds.length; start += FILTER_VALUES) {
    const Values = snapshotIds.slice(start, start + FILTER_VALUES);
    const { Snapshots = [] } = await ec2.send(
      new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'snapshot-id', Values }] }),
    );
    for (const snapshot of Snapshots) found.set(snapshot.SnapshotId ?? '', snapshot);
  }
  return found;
}

/** Own snapshots that carry both of Holdfast's marks and pass the filters. */
export async function* ownSnapshots(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): AsyncGenerator<Snapshot> {
  for await (const snapshot of markedSnapshots(ec2, Filters)) if (isOwnSnapshot(snapshot)) yield snapshot;
}

/** All that carry both marks and pass the filters, whose they may be. */
export async function* markedSnapshots(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): AsyncGenerator<Snapshot> {
  const pages = paginateDescribeSnapshots({ client: ec2, pageSize: PAGE }, { OwnerIds: ['self'], Filters });
  for await (const { Snapshots = [] } of pages) yield* Snapshots.filter(isMarked);
}

/** One snapshot a volume and point, or a snapshot that copies are of: of several that claim it, the first. */
export async function claimedSnapshots(
  ec2: EC2Client,
  Filters: { Name: string; Values: string[] }[],
): Promise<Claims<Claiming>> {
  const marked: Snapshot[] = [];
  for await (const snapshot of markedSnapshots(ec2, Filters)) {
    Context.current().heartbeat();
    marked.push(snapshot);
  }
  return claims(marked);
}

/** Deleting what is gone already is done. */
export async function deleteSnapshot(ec2: EC2Client, SnapshotId: string): Promise<void> {
  try {
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
