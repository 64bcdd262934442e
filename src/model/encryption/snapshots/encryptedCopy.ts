import type { Maker } from '../../maker';
import { ownDescription, TAG, TAG_SCHEMA_VERSION } from '../../names';
import { MAX_TAGS } from '../../points/recoveryPoint';
import { parseVolumeLine } from '../../points/volumeLine';
import type { SnapshotFacts } from './snapshotEncryption';
import { COPY_VOLUME } from '../../points/copyVolume';

/** Begins the id in the description of a copy whose original is no recovery point. */
export const ENCRYPTION_ID = 'es-';

type Tags = Readonly<Record<string, string>>;
type Original = Pick<SnapshotFacts, 'snapshotId' | 'volumeId' | 'tags' | 'description' | 'startedAt'>;

/** Left out until the commit: with them others would take the copy for the point, the staging snapshot or the image's. */
export const PARKED: readonly string[] = [TAG.recoveryPoint, TAG.migration, TAG.request];

export interface CopyMarks {
  tags: Record<string, string>;
  description: string;
}

/**
 * A recovery point's copy has the point's own description, because tag and description must agree after the commit.
 *
 * @param encryptionId stands in the description of a copy of anything else
 */
export function copyMarks(original: Original, maker: Maker, encryptionId: string): CopyMarks {
  const id = pointOf(original) ?? encryptionId;
  const tags = Object.entries(encryptedCopyTags(original, maker)).filter(([key]) => !PARKED.includes(key));
  return { tags: { ...Object.fromEntries(tags), [TAG.uncommitted]: id }, description: ownDescription(id) };
}

/** The point that a snapshot is of, where both of its marks agree. */
function pointOf({ tags, description }: Original): string | undefined {
  const id = tags[TAG.recoveryPoint];
  return id !== undefined && description === ownDescription(id) ? id : undefined;
}

/**
 * The tags of an encrypted copy that stands for its original: all of the original's, and what a copy itself does not
 * tell. Those of another maker's point are not enough to make it a point: its description does not agree.
 */
export function encryptedCopyTags(original: Original, maker: Maker): Record<string, string> {
  const { snapshotId, volumeId, tags, description, startedAt } = original;
  const sourceVolume = tags[TAG.sourceVolume] ?? (volumeId === COPY_VOLUME ? undefined : volumeId);
  const device = parseVolumeLine(tags[TAG.volumePrefix + (sourceVolume ?? '')] ?? '')?.device;
  const keepsDescription = description !== '' && pointOf(original) === undefined;
  return {
    ...Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith('aws:'))),
    [TAG.schema]: TAG_SCHEMA_VERSION,
    [TAG.encryptedFrom]: snapshotId,
    [TAG.startedAt]: tags[TAG.startedAt] ?? new Date(startedAt).toISOString(),
    ...(sourceVolume && { [TAG.sourceVolume]: sourceVolume }),
    ...(device && { [TAG.device]: device }),
    ...(keepsDescription && { [TAG.description]: description.slice(0, 256) }),
    [TAG.workflow]: maker.workflowId.slice(0, 256),
    [TAG.run]: maker.runId,
    ...(maker.requestedBy && { [TAG.requestedBy]: maker.requestedBy }),
    ...(maker.ticket && { [TAG.ticket]: maker.ticket }),
  };
}

/** How many tags must go before those of the copy fit; the mark that it is not committed is one more. */
export function tagsTooMany(original: Original, maker: Maker): number {
  return Math.max(0, Object.keys(encryptedCopyTags(original, maker)).length + 1 - MAX_TAGS);
}

/** What the copy of a point lacked until its commit, from the copy itself: of an original that is gone. */
export function marksOfGone(tags: Tags): Record<string, string> {
  const id = tags[TAG.uncommitted] ?? '';
  return id.startsWith(ENCRYPTION_ID) ? {} : { [TAG.recoveryPoint]: id };
}

/** Whether a copy is one that nobody has committed: tag and description must agree, because people copy tags. */
export function isUncommitted({ tags, description }: { tags: Tags; description: string }): boolean {
  const id = tags[TAG.uncommitted];
  return id !== undefined && tags[TAG.encryptedFrom] !== undefined && description === ownDescription(id);
}
