import { ApplicationFailure } from '@temporalio/common';
import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  paginateDescribeImages,
  paginateDescribeSnapshots,
  type EC2Client,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { FAILURE } from '../model/failures';
import { isOwnImageDescription } from '../model/image';
import { TAG } from '../model/names';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { foundInTime } from './idempotency';
import { ownImage } from './imageReads';

export interface Removed {
  target: Target;
  request: string;
  /** First execution run id: what other runs made for the same request stays. */
  runId: string;
}

/** Ids of what is gone now. Runs again from the start when it is interrupted: what is gone is not found. */
export async function removeImages(
  { aws, settings }: ActivityDeps,
  { target, request, runId }: Removed,
): Promise<string[]> {
  const ec2 = aws.ec2(target, 'share');
  const find = async () => {
    const images = (await imagesOf(ec2, request, runId)).filter(({ Description }) =>
      isOwnImageDescription(Description, request),
    );
    const snapshots = await snapshotsOf(ec2, request, runId);
    return images.length + snapshots.length > 0 ? { images, snapshots } : undefined;
  };
  const made = await foundInTime(settings, find);
  if (!made) return [];
  const images = made.images.map(({ ImageId = '' }) => ImageId);
  for (const ImageId of images) await unlessGone(ec2.send(new DeregisterImageCommand({ ImageId })));
  // An image that was pending may have got its snapshots meanwhile.
  const snapshots: string[] = [];
  for (const snapshot of await snapshotsOf(ec2, request, runId)) {
    if (!(await belongsToRemoved(ec2, snapshot, images))) continue;
    const SnapshotId = snapshot.SnapshotId ?? '';
    await unlessGone(ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
    snapshots.push(SnapshotId);
  }
  await requireGone(ec2, images);
  return [...images, ...snapshots];
}

/**
 * People copy tags. A snapshot goes only when the description that AWS itself wrote on it, such as `Created by
 * CreateImage(i-…) for ami-…` or `Copied for DestinationAmi ami-… from …`, names one of the images that went, or one
 * that is gone already.
 */
async function belongsToRemoved(
  ec2: EC2Client,
  { Description }: Snapshot,
  removed: readonly string[],
): Promise<boolean> {
  const amiId = /\bami-[0-9a-f]+/.exec(Description ?? '')?.[0];
  if (!amiId) return false;
  return removed.includes(amiId) || (await ownImage(ec2, { 'image-id': amiId })) === undefined;
}

async function requireGone(ec2: EC2Client, images: readonly string[]): Promise<void> {
  for (const amiId of images) {
    if (await ownImage(ec2, { 'image-id': amiId }))
      throw ApplicationFailure.retryable(`image ${amiId} is still registered`, FAILURE.conflict);
  }
}

async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    // DeregisterImage says `Unavailable` of an image that is deregistered already.
    if (!isNotFound(error) && (error as Error).name !== 'InvalidAMIID.Unavailable') throw error;
  }
}

function madeBy(request: string, runId: string) {
  return [
    { Name: `tag:${TAG.request}`, Values: [request] },
    { Name: `tag:${TAG.run}`, Values: [runId] },
  ];
}

async function imagesOf(ec2: EC2Client, request: string, runId: string): Promise<Image[]> {
  const found: Image[] = [];
  const query = { Owners: ['self'], Filters: madeBy(request, runId) };
  for await (const { Images = [] } of paginateDescribeImages({ client: ec2 }, query)) found.push(...Images);
  return found;
}

async function snapshotsOf(ec2: EC2Client, request: string, runId: string): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  const query = { OwnerIds: ['self'], Filters: madeBy(request, runId) };
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: ec2 }, query))
    found.push(...Snapshots);
  return found;
}
