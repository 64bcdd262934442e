import { ownDescription, TAG } from './names';

interface Marked {
  volumeId: string;
  description: string;
  tags: Readonly<Record<string, string>>;
}

export function isStaged({ tags, description }: Marked): boolean {
  return tags[TAG.recoveryPoint] === undefined && description === ownDescription(tags[TAG.migration] ?? '');
}

export function isOfImage({ tags, description }: Marked): boolean {
  return Boolean(tags[TAG.request] && tags[TAG.run] && imageIn(description));
}

/** What a migration makes one of: a snapshot, or a copy, of a volume for one request. */
export function stagedThing({ tags, volumeId }: Marked): string {
  return [tags[TAG.migration], tags[TAG.request], volumeId, tags[TAG.sourceVolume]].join('|');
}

/** CopyImage makes several that AWS does not tell apart: they are one thing here, which is left to a person. */
export function imageThing({ volumeId, description }: Marked): string {
  return `${imageIn(description)}|${volumeId}`;
}

export function encryptedThing({ tags }: Marked): string {
  return tags[TAG.encryptedFrom] ?? '';
}

export function imageIn(description: string): string | undefined {
  return /\bami-[0-9a-f]+/.exec(description)?.[0];
}
