import type { ApplicationFailure } from '@temporalio/common';
import {
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { isNotFound } from '../../aws/failures';
import { FAILURE } from '../../model/failures';
import type { ImageFacts } from '../../model/images/image';
import { snapshotIdsOf } from '../points/snapshotUse';

/** The account's own image; a filter, because an id that is not there is then an empty list and no error. */
export async function ownImage(
  ec2: EC2Client,
  filter: { 'image-id': string } | { name: string },
): Promise<Image | undefined> {
  const [Name = '', Value = ''] = Object.entries(filter)[0] ?? [];
  const { Images = [] } = await ec2.send(
    // In a filter, * ? and \ are wildcards; image names cannot hold them.
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name, Values: [Value] }] }),
  );
  return Images.find(({ ImageId, Name: name }) => ImageId === Value || name === Value);
}

/** Looks the snapshots up: an image itself does not say which key they are under. */
export async function imageFacts(ec2: EC2Client, image: Image): Promise<ImageFacts> {
  const ids = snapshotIdsOf(image);
  const { Snapshots = [] } =
    ids.length > 0 ? await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids })) : {};
  return {
    amiId: image.ImageId ?? '',
    name: image.Name ?? '',
    snapshots: Snapshots.map(({ SnapshotId = '', Encrypted, KmsKeyId }) => ({
      snapshotId: SnapshotId,
      ...(Encrypted && { kmsKeyId: KmsKeyId ?? '' }),
    })),
  };
}

export function notShareable(message: string): ApplicationFailure {
  return finalFailure(FAILURE.notShareable, message);
}

/** Undefined of an image or snapshot that is gone; EC2 says `Unavailable` of an image that was deregistered a while ago. */
export async function unlessGone<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error) || (error as Error).name === 'InvalidAMIID.Unavailable') return undefined;
    throw error;
  }
}
