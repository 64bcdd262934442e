import { DeleteSnapshotCommand, type EC2Client, type Filter, type Snapshot } from '@aws-sdk/client-ec2';
import { Context } from '@temporalio/activity';
import { createHash } from 'node:crypto';
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
import { groupsOf } from '../support/groups';
import type { KnownSnapshot } from '../support/known';
import { findSnapshots, snapshotPages } from '../support/reads';
import { unlessGone } from '../support/unlessGone';

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
export function isOwnSnapshot(snapshot: KnownSnapshot): boolean {
  return isMarked(snapshot) && contradiction(claimantOf(snapshot)) === undefined;
}

/** By tag and description alone, which only find: {@link claims} says whose it is. */
export function isMarked({ Description, Tags }: Snapshot): boolean {
  const tags = tagMap(Tags);
  const id = tags[TAG.recoveryPoint];
  return (
    id !== undefined && Description === ownDescription(id) && otherOwner(Object.keys(tags)) === undefined
  );
}

type Claiming = Claimant & { snapshot: KnownSnapshot };

export function claimantOf(snapshot: KnownSnapshot): Claiming {
  const { SnapshotId: snapshotId, VolumeId: volumeId, StartTime, Tags } = snapshot;
  return { snapshotId, volumeId, startedAt: StartTime.getTime(), tags: tagMap(Tags), snapshot };
}

export function claims(snapshots: readonly KnownSnapshot[]): Claims<Claiming> {
  return claimsOf(snapshots.filter(isMarked).map(claimantOf));
}

/**
 * The account's own snapshots of these recovery points, by recovery point id: one a volume, or a snapshot that copies are of.
 * An encrypted copy that stands for a snapshot is of the volume that the snapshot was of, and counts once that is gone.
 */
export async function readSnapshotsOf(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, KnownSnapshot[]>> {
  const found = new Map<string, KnownSnapshot[]>();
  for (const [id, all] of await readClaimsFor(ec2, recoveryPointIds))
    found.set(
      id,
      all.own.map((each) => ({ ...each.snapshot, VolumeId: volumeOf(each) })),
    );
  return found;
}

/** Who claims to be of these recovery points, by recovery point id. */
export async function readClaimsFor(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, Claims<Claiming>>> {
  const marked = await findMarkedFor(ec2, recoveryPointIds);
  return new Map([...marked].map(([id, snapshots]) => [id, claims(snapshots)]));
}

/** All that carry the marks of these recovery points, by recovery point id. */
export async function findMarkedFor(
  ec2: EC2Client,
  recoveryPointIds: readonly string[],
): Promise<Map<string, KnownSnapshot[]>> {
  const marked = new Map<string, KnownSnapshot[]>();
  for (const Values of groupsOf(recoveryPointIds)) {
    const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values }];
    for await (const snapshot of markedSnapshots(ec2, Filters)) {
      const id = tagMap(snapshot.Tags)[TAG.recoveryPoint];
      if (id) marked.set(id, [...(marked.get(id) ?? []), snapshot]);
    }
  }
  return marked;
}

/** What a copy itself does not tell, where the copy stands for the snapshot. */
export function sourceVolumeOf(snapshot: KnownSnapshot): string {
  return volumeOf(claimantOf(snapshot));
}

/** The account's own snapshots by id, those that are there: a filter, because ids alone fail when one of them is not. */
export async function snapshotsById(
  ec2: EC2Client,
  snapshotIds: readonly string[],
): Promise<Map<string, KnownSnapshot>> {
  const found = new Map<string, KnownSnapshot>();
  for (const Values of groupsOf(snapshotIds)) {
    const snapshots = await findSnapshots(ec2, [{ Name: 'snapshot-id', Values }], Values);
    for (const snapshot of snapshots) found.set(snapshot.SnapshotId, snapshot);
  }
  return found;
}

/** Own snapshots that carry both of Holdfast's marks and pass the filters. */
export async function* ownSnapshots(ec2: EC2Client, Filters: Filter[]): AsyncGenerator<KnownSnapshot> {
  for await (const snapshot of markedSnapshots(ec2, Filters)) if (isOwnSnapshot(snapshot)) yield snapshot;
}

/** All that carry both marks and pass the filters, whose they may be. */
export async function* markedSnapshots(ec2: EC2Client, Filters: Filter[]): AsyncGenerator<KnownSnapshot> {
  for await (const page of snapshotPages(ec2, Filters)) yield* page.filter(isMarked);
}

/** One snapshot a volume and point, or a snapshot that copies are of: of several that claim it, the first. */
export async function readClaimedSnapshots(ec2: EC2Client, Filters: Filter[]): Promise<Claims<Claiming>> {
  const marked: KnownSnapshot[] = [];
  for await (const snapshot of markedSnapshots(ec2, Filters)) {
    Context.current().heartbeat();
    marked.push(snapshot);
  }
  return claims(marked);
}

/** Deleting what is gone already is done. */
export async function deleteSnapshot(ec2: EC2Client, SnapshotId: string): Promise<void> {
  await unlessGone(ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
}
