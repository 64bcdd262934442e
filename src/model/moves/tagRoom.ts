import { TAG } from '../names';
import { MAX_TAGS } from '../points/recoveryPoint';
import type { Strategy } from './strategy';

/** Keys of the tags of a resource. */
type Keys = readonly string[];

/** What a move writes on the machine while it is under way; the notes of its target groups are counted in src/model/machines/drain.ts. */
const ON_MACHINE: Keys = [TAG.migration];
/** On each new volume, beside the user's tags. */
const ON_NEW_VOLUME: Keys = [TAG.migration, TAG.replaces];

/** On each original. */
function onOriginal(strategy: Strategy): Keys {
  return strategy === 'clone' ? [TAG.original, TAG.cloneClaim] : [TAG.original];
}

/** The user's own: what is AWS's nobody can write, and Holdfast's marks are of one resource. */
export function isUsersTag(key: string): boolean {
  return !isOfAws(key) && !key.startsWith(TAG.prefix);
}

function isOfAws(key: string): boolean {
  return key.startsWith('aws:');
}

/** How many tags must go before these marks fit: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
function over(keys: Keys, marks: Keys): number {
  return Math.max(0, new Set([...keys.filter((key) => !isOfAws(key)), ...marks]).size - MAX_TAGS);
}

/**
 * A volume whose marks do not fit would be refused by EC2 after the stop: the new one takes its tags and more.
 *
 * @param tagKeys of the original; unknown of facts from before they were asked for
 */
export function volumeTagBlockers(volumeId: string, tagKeys: Keys | undefined, strategy: Strategy): string[] {
  if (!tagKeys) return [];
  const surplus = Math.max(
    over(tagKeys, onOriginal(strategy)),
    over(tagKeys.filter(isUsersTag), ON_NEW_VOLUME),
  );
  if (surplus === 0) return [];
  return [
    `${volumeId} has ${counted(tagKeys)}, where EC2 takes ${MAX_TAGS}: remove ${surplus}, so that Holdfast's marks fit on it and on the volume that replaces it`,
  ];
}

/** Whether a clone's claim fits where the other strategies' marks do. */
export function hasRoomToClone(tagKeys: Keys | undefined): boolean {
  return over(tagKeys ?? [], onOriginal('clone')) === 0;
}

export function machineTagBlockers(tagKeys: Keys | undefined): string[] {
  const surplus = over(tagKeys ?? [], ON_MACHINE);
  if (!tagKeys || surplus === 0) return [];
  return [
    `it has ${counted(tagKeys)}, where EC2 takes ${MAX_TAGS}: remove ${surplus}, so that Holdfast's mark fits on it`,
  ];
}

function counted(tagKeys: Keys): string {
  return `${tagKeys.filter((key) => !isOfAws(key)).length} tags`;
}
