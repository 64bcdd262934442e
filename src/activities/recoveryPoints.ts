import {
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  paginateDescribeSnapshots,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { createHash } from 'node:crypto';
import { isNotFound } from '../aws/failures';
import { ownDescription, TAG } from '../model/names';
import { otherOwner } from '../model/snapshotOwner';
import { targetKey, type Target } from '../model/target';
import { FILTER_VALUES } from './inventory';

const PAGE = 1000;

/** A snapshot that was there and is not shown for this many read lags has been deleted by somebody. */
export const LAGS_UNTIL_GONE = 4;

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

/** Tag and description must agree: people copy tags. What AWS Backup or DLM look after is theirs whatever it carries. */
export function isOwnSnapshot({ Description, Tags = [] }: Snapshot): boolean {
  const id = Tags.find(({ Key }) => Key === TAG.recoveryPoint)?.Value;
  const keys = Tags.map(({ Key = '' }) => Key);
  return id !== undefined && Description === ownDescription(id) && otherOwner(keys) === undefined;
}

/**
 * The account's own snapshots of these recovery points, by recovery point id. An encrypted copy that stands for a snapshot
 * is of the volume that the snapshot was of, and counts alone while both are there.
 */
export async function snapshotsOf(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Snapshot[]>> {
  const found = new Map<string, Snapshot[]>();
  for (let start = 0; start < recoveryPointIds.length; start += FILTER_VALUES) {
    const Values = recoveryPointIds.slice(start, start + FILTER_VALUES);
    const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values }];
    const own: Snapshot[] = [];
    for await (const snapshot of ownSnapshots(ec2, Filters)) own.push(snapshot);
    for (const snapshot of withoutReplaced(own)) {
      const id = valueOf(snapshot, TAG.recoveryPoint) ?? '';
      found.set(id, [...(found.get(id) ?? []), { ...snapshot, VolumeId: sourceVolumeOf(snapshot) }]);
    }
  }
  return found;
}

/** Without the snapshots that an encrypted copy among them stands for: between its commit and their end. */
export function withoutReplaced(snapshots: readonly Snapshot[]): Snapshot[] {
  const replaced = new Set(snapshots.flatMap((snapshot) => valueOf(snapshot, TAG.encryptedFrom) ?? []));
  return snapshots.filter(({ SnapshotId = '' }) => !replaced.has(SnapshotId));
}

/** What a copy itself does not tell, where the copy stands for the snapshot. */
export function sourceVolumeOf(snapshot: Snapshot): string | undefined {
  const isSubstitute = valueOf(snapshot, TAG.encryptedFrom) !== undefined;
  return (isSubstitute ? valueOf(snapshot, TAG.sourceVolume) : undefined) ?? snapshot.VolumeId;
}

function valueOf({ Tags = [] }: Snapshot, key: string): string | undefined {
  return Tags.find(({ Key }) => Key === key)?.Value;
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
  const pages = paginateDescribeSnapshots({ client: ec2, pageSize: PAGE }, { OwnerIds: ['self'], Filters });
  for await (const { Snapshots = [] } of pages) yield* Snapshots.filter(isOwnSnapshot);
}

/** Keeps the first snapshot of each volume. Of two sets, that is the whole first one: a set has one start time. */
export async function withoutSurplus(ec2: EC2Client, snapshots: readonly Snapshot[]): Promise<Snapshot[]> {
  const age = ({ StartTime, SnapshotId = '' }: Snapshot) => `${StartTime?.toISOString() ?? ''}|${SnapshotId}`;
  const kept = new Map<string, Snapshot>();
  for (const snapshot of [...snapshots].sort((a, b) => age(a).localeCompare(age(b)))) {
    const volumeId = snapshot.VolumeId ?? '';
    if (kept.has(volumeId)) await deleteSnapshot(ec2, snapshot.SnapshotId ?? '');
    else kept.set(volumeId, snapshot);
  }
  return [...kept.values()];
}

/** Deleting what is gone already is done. */
export async function deleteSnapshot(ec2: EC2Client, SnapshotId: string): Promise<void> {
  try {
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
