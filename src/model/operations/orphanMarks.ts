import { imageInDescription } from '../images/image';
import { ownDescription, TAG } from '../names';
import { COPY_VOLUME } from '../points/copyVolume';

interface Marked {
  volumeId: string;
  description: string;
  tags: Readonly<Record<string, string>>;
}

export function isStaged({ tags, description }: Marked): boolean {
  return tags[TAG.recoveryPoint] === undefined && description === ownDescription(tags[TAG.migration] ?? '');
}

export function isOfImage({ tags, description }: Marked): boolean {
  return Boolean(tags[TAG.request] && tags[TAG.run] && imageInDescription(description));
}

/** What a migration makes one of: a snapshot, or a copy, of a volume for one request. */
export function stagedThing({ tags, volumeId }: Marked): string {
  return [tags[TAG.migration], tags[TAG.request], volumeId, tags[TAG.sourceVolume]].join('|');
}

/** All snapshots of an image are one thing here: several of them are left to a person, for AWS does not tell copies apart. */
export function imageThing({ description }: Marked): string {
  return imageInDescription(description) ?? '';
}

export function encryptedThing({ tags }: Marked): string {
  return tags[TAG.encryptedFrom] ?? '';
}

/**
 * Why tags and description do not prove that nobody else made it, by what AWS itself records; undefined where its volume is the one
 * that they name. CopySnapshot takes both along, and what it makes names no volume.
 *
 * @param named the volume by the marks
 */
export function unproven(
  { volumeId }: Pick<Marked, 'volumeId'>,
  named: string | undefined,
): string | undefined {
  if (volumeId === COPY_VOLUME)
    return 'AWS says that it is a copy, which anybody may have made with these marks: a person must judge';
  if (named === undefined) return 'its marks name no volume: a person must judge';
  return named === volumeId
    ? undefined
    : `its marks name ${named}, and AWS says that it is of ${volumeId}: a person must judge`;
}
