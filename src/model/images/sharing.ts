/** An image and all that has to be shared with it: without its snapshots and keys it is of no use. */
export interface SharedImage {
  amiId: string;
  snapshotIds: string[];
  /** ARNs of the keys that the snapshots are under; none for an unencrypted image. */
  kmsKeyIds: string[];
}

/** What one account may do with an image at the moment. */
export interface ShareState {
  /** Keys that a grant of this share lets it use. */
  kmsKeyIds: string[];
  /** Snapshots that it may make volumes of. */
  snapshotIds: string[];
  /** Whether it may launch the image. */
  launch: boolean;
}

/** Name of the share's grants: KMS makes no second grant of the same name, and a revocation finds them by it. */
export function grantName(amiId: string, partner: string): string {
  return `holdfast/${amiId}/${partner}`;
}

/** What is not shared yet. */
export function missingFrom(image: SharedImage, { kmsKeyIds, snapshotIds, launch }: ShareState) {
  return {
    kmsKeyIds: image.kmsKeyIds.filter((key) => !kmsKeyIds.includes(key)),
    snapshotIds: image.snapshotIds.filter((id) => !snapshotIds.includes(id)),
    launch: !launch,
  };
}

export function isShared(image: SharedImage, state: ShareState): boolean {
  const { kmsKeyIds, snapshotIds, launch } = missingFrom(image, state);
  return kmsKeyIds.length === 0 && snapshotIds.length === 0 && !launch;
}
