import { ownDescription } from '../names';

/** One snapshot of an image. */
export interface ImageSnapshot {
  snapshotId: string;
  /** ARN of its key; missing when it is not encrypted. */
  kmsKeyId?: string;
}

/** An image of our own, as workflows need to know it. */
export interface ImageFacts {
  amiId: string;
  name: string;
  snapshots: ImageSnapshot[];
}

/** What an image is to be, decided by reads only. */
export interface ImagePlan {
  /** Id of what was asked for: the same source and name give the same one, in every run. */
  request: string;
  name: string;
  description: string;
  /** Key that every snapshot of the image must be under; missing when the snapshots stay as their sources are. */
  kmsKeyId?: string;
  /** True when the sources are not under that key already, so that the image must be copied under it. */
  reencrypt: boolean;
  /** An image that an earlier run made for this very request. */
  existing?: string;
  /** True when the image will not be encrypted, or not all of it. */
  clear: boolean;
}

/**
 * Description of an image: what its maker wrote, and the words that, together with the tags, prove it to be
 * Holdfast's. At most 220 + 28 characters, of the 255 that AWS takes.
 */
export function imageDescription(text: string, request: string): string {
  return `${text} (${ownDescription(request)})`;
}

export function isOwnImageDescription(description: string | undefined, request: string): boolean {
  return description?.includes(ownDescription(request)) ?? false;
}

/** Request of the image that stands between an instance and its encrypted image, and goes when that one is there. */
export function stagingRequest(request: string): string {
  return `${request}-staging`;
}

/** Image names are unique in account and region; a leftover of a terminated run must not block the next run. */
export function stagingName(request: string, runId: string): string {
  return `holdfast-staging-${request}-${runId}`;
}

export const UNENCRYPTED_WARNING =
  'At least one disk of the image is NOT encrypted: whoever it is shared with reads it in the clear. Give a customer managed kmsKeyId to encrypt it.';

/** Snapshots that are not under the key that they should be under. */
export function snapshotsNotUnder({ snapshots }: ImageFacts, kmsKeyId: string | undefined): ImageSnapshot[] {
  return kmsKeyId ? snapshots.filter((snapshot) => snapshot.kmsKeyId !== kmsKeyId) : [];
}

/** Keys that a partner needs in order to use the image. */
export function keysOf({ snapshots }: ImageFacts): string[] {
  return [...new Set(snapshots.flatMap(({ kmsKeyId }) => kmsKeyId ?? []))];
}

/** True only when every disk is encrypted. */
export function isEncrypted({ snapshots }: ImageFacts): boolean {
  return snapshots.length > 0 && snapshots.every(({ kmsKeyId }) => kmsKeyId !== undefined);
}

/** What an image was made of, as AWS records it: an instance by CreateImage, an image by CopyImage. */
export type ImageSource = { instanceId: string } | { amiId: string; region: string };

/** The image that EC2 itself wrote on a snapshot which it made for one. */
export function imageInDescription(description = ''): string | undefined {
  return /^(?:Created by CreateImage\(i-[0-9a-f]+\) for|Copied for DestinationAmi) (ami-[0-9a-f]+)\b/.exec(
    description,
  )?.[1];
}
