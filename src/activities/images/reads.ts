import type { ApplicationFailure } from '@temporalio/common';
import { DescribeImagesCommand, DescribeSnapshotsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import type { ImageFacts } from '../../model/images/image';
import { snapshotIdsOf } from '../points/snapshotUse';
import { keyOf, knownImages, knownSnapshots, told, type KnownImage } from '../support/known';

/** The account's own image; a filter, because an id that is not there is then an empty list and no error. */
export async function findOwnImage(
  ec2: EC2Client,
  filter: { 'image-id': string } | { name: string },
): Promise<KnownImage | undefined> {
  const [Name, Value] =
    'name' in filter ? (['name', filter.name] as const) : (['image-id', filter['image-id']] as const);
  const { Images } = await ec2.send(
    // In a filter, * ? and \ are wildcards; image names cannot hold them.
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name, Values: [Value] }] }),
  );
  return knownImages(Images, [Value]).find(({ ImageId, Name: name }) => ImageId === Value || name === Value);
}

/** Looks the snapshots up: an image itself does not say which key they are under. */
export async function readImageFacts(ec2: EC2Client, image: KnownImage): Promise<ImageFacts> {
  const ids = snapshotIdsOf(image);
  const { Snapshots } =
    ids.length > 0 ? await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids })) : {};
  return {
    amiId: image.ImageId,
    name: told(image, image.ImageId, 'Name').Name,
    snapshots: knownSnapshots(Snapshots, ids).map((snapshot) => ({
      snapshotId: snapshot.SnapshotId,
      ...withKey(keyOf(snapshot, snapshot.SnapshotId)),
    })),
  };
}

function withKey(kmsKeyId: string | undefined): { kmsKeyId?: string } {
  return kmsKeyId === undefined ? {} : { kmsKeyId };
}

export function notShareable(message: string): ApplicationFailure {
  return finalFailure(FAILURE.notShareable, message);
}
