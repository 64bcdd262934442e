import { CreateVolumeCommand } from '@aws-sdk/client-ec2';
import { HOME_REGION, type TestAccount } from './accounts';
import { snapshotOf, tagsOf, volume } from './seed';

/**
 * What AWS Backup and scripts make of a volume: a restored copy of it that carries all its tags, Holdfast's too, and is
 * attached to nothing.
 */
export async function restoredCopy(account: TestAccount, volumeId: string): Promise<string> {
  const { VolumeId = '', ...source } = await volume(account, volumeId);
  return restoredFrom(account, await snapshotOf(account, VolumeId), tagsOf(source));
}

export async function restoredFrom(
  account: TestAccount,
  SnapshotId: string,
  tags: Record<string, string>,
): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const { VolumeId = '' } = await account.ec2().send(
    new CreateVolumeCommand({
      AvailabilityZone: `${HOME_REGION}a`,
      SnapshotId,
      VolumeType: 'gp3',
      TagSpecifications: [{ ResourceType: 'volume', Tags }],
    }),
  );
  return VolumeId;
}
