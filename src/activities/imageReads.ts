import { ApplicationFailure } from '@temporalio/common';
import {
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Image,
  type Tag,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../model/failures';
import { isOwnImageDescription, type ImageFacts, type ImagePlan } from '../model/image';
import { TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';

export function tagMap(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

export function tagList(tags: Record<string, string>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

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

export function snapshotIdsOf(image: Image): string[] {
  return (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
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

/**
 * The image that has the name already, when it was made for the same request: a second run takes it over.
 *
 * @throws ApplicationFailure Conflict when the name is taken by anything else
 */
export async function takenOver(
  ec2: EC2Client,
  target: Target,
  { name, request, kmsKeyId }: Pick<ImagePlan, 'name' | 'request' | 'kmsKeyId'>,
): Promise<string | undefined> {
  const image = await ownImage(ec2, { name });
  if (!image?.ImageId) return undefined;
  const where = `the image name ${JSON.stringify(name)} in ${targetKey(target)} is taken by ${image.ImageId}`;
  const ours =
    tagMap(image.Tags)[TAG.request] === request && isOwnImageDescription(image.Description, request);
  if (!ours) throw conflict(`${where}, which was made for something else; choose another name`);
  if (image.State !== 'available' && image.State !== 'pending')
    throw conflict(`${where}, which is ${image.State}; deregister it first`);
  const { snapshots } = await imageFacts(ec2, image);
  if (image.State === 'available' && kmsKeyId && snapshots.some((each) => each.kmsKeyId !== kmsKeyId))
    throw conflict(`${where}, which is not under ${kmsKeyId}; choose another name, or deregister it`);
  return image.ImageId;
}

function conflict(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.conflict);
}

export function notShareable(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.notShareable);
}
