import { CopySnapshotCommand } from '@aws-sdk/client-ec2';
import { agrees, type CopyWanted } from '../../../model/encryption/snapshots/copyProof';
import { copyMarks, ENCRYPTION_ID, isUncommitted } from '../../../model/encryption/snapshots/encryptedCopy';
import { groupBy } from '../../../model/group';
import { ownDescription, TAG } from '../../../model/names';
import type {
  EncryptedSnapshot,
  SnapshotFacts,
  SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import { requestId } from '../../support/idempotency';
import { tagList, tagMap } from '../../support/tags';
import { told, type KnownSnapshot } from '../../support/known';

/** The id in the description of a copy whose original is no recovery point. */
export function encryptionIdOf(snapshotId: string, kmsKeyArn: string): string {
  return ENCRYPTION_ID + requestId(snapshotId, kmsKeyArn);
}

/** Whether what EC2 records of the two agrees with one being the encrypted copy of the other; see `agrees`. */
export function agreesWith(
  copy: KnownSnapshot,
  original: KnownSnapshot | undefined,
  snapshotId: string,
  { kmsKeyArn, sinceMs }: Omit<CopyWanted, 'description'>,
): boolean {
  const description = ownDescription(encryptionIdOf(snapshotId, kmsKeyArn));
  return agrees(recordOf(copy), original && recordOf(original), { kmsKeyArn, sinceMs, description });
}

function recordOf(snapshot: KnownSnapshot) {
  const { VolumeId, Encrypted = false, KmsKeyId, Description = '', StartTime } = snapshot;
  return {
    volumeId: VolumeId,
    encrypted: Encrypted,
    ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
    sizeGiB: sizeOf(snapshot),
    description: Description,
    startedAt: StartTime.getTime(),
  };
}

/** The worker's clock and AWS's may be so far apart. */
export const CLOCKS_APART_MS = 300_000;

export interface Unrecorded {
  /** Of each snapshot the only candidate there is. */
  found: EncryptedSnapshot[];
  /** Several candidates for one, of which none can be told to be the run's own. */
  ambiguous: { snapshotId: string; copyIds: string[] }[];
}

/**
 * Copies that a run asked for and never heard of: an answer was lost, or an attempt died before it had said so. Its
 * marks find them; EC2's own record has to agree, it was begun within the calls' time, and there is no other.
 *
 * @param originals by id; those that are gone are missing
 */
export function unrecordedCopies(
  candidates: readonly KnownSnapshot[],
  originals: ReadonlyMap<string, KnownSnapshot>,
  { kmsKeyArn, maker }: Pick<SnapshotScope, 'kmsKeyArn' | 'maker'>,
  { sinceMs, before }: { sinceMs: number; before: readonly string[] },
): Unrecorded {
  const agreeing = candidates.flatMap((copy): EncryptedSnapshot[] => {
    const { SnapshotId: copyId, Description: description = '' } = copy;
    const tags = tagMap(copy.Tags);
    const snapshotId = tags[TAG.encryptedFrom];
    const isOwn =
      snapshotId !== undefined &&
      isUncommitted({ tags, description }) &&
      tags[TAG.workflow] === maker.workflowId.slice(0, 256) &&
      tags[TAG.run] === maker.runId &&
      !before.includes(copyId) &&
      agreesWith(copy, originals.get(snapshotId), snapshotId, { kmsKeyArn, sinceMs });
    return isOwn ? [{ snapshotId, copyId }] : [];
  });
  const result: Unrecorded = { found: [], ambiguous: [] };
  for (const [snapshotId, group] of groupBy(agreeing, (copy) => copy.snapshotId)) {
    const [copyId, ...others] = group.map((copy) => copy.copyId).sort();
    if (copyId === undefined) continue;
    if (others.length === 0) result.found.push({ snapshotId, copyId });
    else result.ambiguous.push({ snapshotId, copyIds: [copyId, ...others] });
  }
  return result;
}

export function copyCommand(original: SnapshotFacts | undefined, scope: SnapshotScope): CopySnapshotCommand {
  if (!original) throw new Error('the snapshot is not of this page');
  const { target, kmsKeyArn, maker } = scope;
  const { snapshotId } = original;
  const { tags, description } = copyMarks(original, maker, encryptionIdOf(snapshotId, kmsKeyArn));
  return new CopySnapshotCommand({
    SourceRegion: target.region,
    SourceSnapshotId: snapshotId,
    Encrypted: true,
    KmsKeyId: kmsKeyArn,
    Description: description,
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
  });
}

function sizeOf(snapshot: KnownSnapshot): number {
  return told(snapshot, snapshot.SnapshotId, 'VolumeSize').VolumeSize;
}

export function copyFacts(copy: KnownSnapshot) {
  return {
    state: copy.State,
    ...(copy.StateMessage && { stateMessage: copy.StateMessage }),
    encrypted: copy.Encrypted ?? false,
    ...(copy.KmsKeyId && { kmsKeyId: copy.KmsKeyId }),
    sizeGiB: sizeOf(copy),
  };
}

/** Sorts the one begun first before the other. */
export function age({ StartTime, SnapshotId }: KnownSnapshot): string {
  return `${StartTime.toISOString()}|${SnapshotId}`;
}
