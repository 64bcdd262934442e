import type { Snapshot } from '@aws-sdk/client-ec2';
import { agrees, type CopyWanted } from '../model/copyProof';
import { ENCRYPTION_ID } from '../model/encryptedCopy';
import { ownDescription } from '../model/names';
import { requestId } from './idempotency';

/** The id in the description of a copy whose original is no recovery point. */
export function encryptionIdOf(snapshotId: string, kmsKeyArn: string): string {
  return ENCRYPTION_ID + requestId(snapshotId, kmsKeyArn);
}

/** Whether what EC2 records of the two agrees with one being the encrypted copy of the other; see `agrees`. */
export function agreesWith(
  copy: Snapshot,
  original: Snapshot | undefined,
  snapshotId: string,
  { kmsKeyArn, sinceMs }: Omit<CopyWanted, 'description'>,
): boolean {
  const description = ownDescription(encryptionIdOf(snapshotId, kmsKeyArn));
  return agrees(recordOf(copy), original && recordOf(original), { kmsKeyArn, sinceMs, description });
}

function recordOf(snapshot: Snapshot) {
  const { VolumeId = '', Encrypted = false, KmsKeyId, VolumeSize = 0, Description = '', StartTime } = snapshot;
  return {
    volumeId: VolumeId,
    encrypted: Encrypted,
    ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
    sizeGiB: VolumeSize,
    description: Description,
    startedAt: StartTime?.getTime() ?? 0,
  };
}
