import { COPY_VOLUME } from '../../points/copyVolume';

/** What EC2 itself records of a snapshot that seems to be an encrypted copy; nothing here is a tag. */
export interface CopyRecord {
  volumeId: string;
  encrypted: boolean;
  kmsKeyId?: string;
  /** GiB. */
  sizeGiB: number;
  description: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface OriginalRecord {
  sizeGiB: number;
  description: string;
  startedAt: number;
}

export interface CopyWanted {
  kmsKeyArn: string;
  /** Of a copy of this original where the original is no recovery point. */
  description: string;
  /** Milliseconds since the epoch: no call for it was made before. */
  sinceMs: number;
}

/**
 * Whether EC2's own record of a snapshot agrees with its being the copy of that original. It says so of all copies of
 * equal size that anybody made under the key with these words, for EC2 does not record what a copy is of: alone it
 * is no proof, and serves where exactly one agrees and the run knows that it asked for one.
 *
 * @param original undefined where it is gone
 */
export function agrees(copy: CopyRecord, original: OriginalRecord | undefined, wanted: CopyWanted): boolean {
  const words = [wanted.description, ...(original ? [original.description] : [])];
  return (
    copy.volumeId === COPY_VOLUME &&
    copy.encrypted &&
    copy.kmsKeyId === wanted.kmsKeyArn &&
    copy.startedAt >= wanted.sinceMs &&
    (original === undefined ||
      (copy.sizeGiB === original.sizeGiB &&
        copy.startedAt >= original.startedAt &&
        words.includes(copy.description)))
  );
}
