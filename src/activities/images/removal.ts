import type { ApplicationFailure } from '@temporalio/common';
import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeLockedSnapshotsCommand,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { conflict, notYetVisible, passingFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { imageInDescription, type ImageSource } from '../../model/images/image';
import { TAG } from '../../model/names';
import { isHeld } from '../../model/points/recoveryPoint';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findInTime } from '../support/idempotency';
import { findOwnImage } from './reads';
import { knownImages, told, withId, type KnownImage, type KnownSnapshot } from '../support/known';
import { findSnapshots } from '../support/reads';
import { unlessGone } from '../support/unlessGone';
import { CALLS_AT_ONCE, workInTurns } from '../support/pace/inTurns';
import { findMarked } from './marked';
import { readLaunchPermissions } from './shares';
import { tagMap } from '../support/tags';
import { snapshotIdsOf } from '../points/snapshotUse';
import { readVolumePermissions } from '../points/permissions';

/** How far Temporal's clock, by which a call was begun, and EC2's own may be apart. */
const CLOCKS_APART_MS = 5 * 60_000;

export interface MadeImage {
  target: Target;
  /** As the run asked for it. */
  name: string;
  request: string;
  madeOf: ImageSource;
  /** First execution run id: what other runs made for the same request stays. */
  runId: string;
  /** Milliseconds since the epoch: when the run began to make it. */
  sinceMs: number;
  /** Id that the run recorded; without one the image is found by its facts, for its answer was lost. */
  amiId?: string;
}

export interface RemovedImage {
  target: Target;
  runId: string;
  amiId: string;
  /** As the image itself named them, when it was looked at. */
  snapshotIds: string[];
}

/** What 0.1.0 tells of an image that it wants removed. */
interface Removed {
  target: Target;
  request: string;
  runId: string;
}

/** Images that a run made and that nobody is to have. */
export function imageRemovalActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  return {
    /**
     * The image that this run made, with its snapshots, for the run to record before they go. Undefined where there is
     * none, or it is another run's that was taken over.
     *
     * @throws ApplicationFailure NotYetVisible, retryable, while the image does not name its snapshots
     */
    async findMadeImage(made: MadeImage): Promise<{ amiId: string; snapshotIds: string[] } | undefined> {
      const ec2 = aws.ec2(made.target, 'share');
      const image = await findInTime(settings, async () => {
        const found = await findOwnImage(ec2, made.amiId ? { 'image-id': made.amiId } : { name: made.name });
        return found && isThisRuns(found, made) ? found : undefined;
      });
      if (!image) return undefined;
      const disks = (image.BlockDeviceMappings ?? []).filter(({ Ebs }) => Ebs !== undefined);
      const snapshotIds = snapshotIdsOf(image);
      if (image.State === 'pending' && snapshotIds.length < disks.length)
        throw notYetVisible(`image ${image.ImageId} does not name its snapshots yet`);
      return { amiId: image.ImageId, snapshotIds };
    },

    /**
     * Deregisters an image of this run and deletes the snapshots that were made for it. Runs again from the start when it is
     * interrupted. Returns what is gone now.
     *
     * @throws ApplicationFailure Conflict, non-retryable, where somebody uses it: then all of it stays
     */
    async removeMadeImage(removed: RemovedImage): Promise<string[]> {
      return remove(deps, removed);
    },

    /** For runs that began with 0.1.0, which record no ids: everything that proves to be theirs, and no more. */
    async removeImages({ target, request, runId }: Removed): Promise<string[]> {
      const ec2 = aws.ec2(target, 'share');
      const find = () => findMarked(deps, ec2, { target, request, runId });
      const found = await findInTime(settings, find);
      return found ? remove(deps, { target, runId, ...found }) : [];
    },
  };
}

function isThisRuns(image: KnownImage, { amiId, request, runId, madeOf, sinceMs }: MadeImage): boolean {
  const { [TAG.run]: run, [TAG.request]: marked } = tagMap(image.Tags);
  // The id that a run recorded may be that of another run, which it took over.
  if (amiId) return run === undefined || run === runId;
  const isOf =
    'instanceId' in madeOf
      ? image.SourceInstanceId === madeOf.instanceId
      : image.SourceImageId === madeOf.amiId && image.SourceImageRegion === madeOf.region;
  if (!isOf || run !== runId || marked !== request) return false;
  const { CreationDate } = told(image, image.ImageId, 'CreationDate');
  return Date.parse(CreationDate) >= sinceMs - CLOCKS_APART_MS;
}

async function remove(
  { aws, settings }: ActivityDeps,
  { target, amiId, snapshotIds, runId }: RemovedImage,
): Promise<string[]> {
  const ec2 = aws.ec2(target, 'share');
  const image = await findOwnImage(ec2, { 'image-id': amiId });
  const { [TAG.run]: run } = tagMap(image?.Tags);
  if (image && run !== undefined && run !== runId) throw kept(target, amiId, [`run ${run} has marked it`]);
  const named = [...new Set([...snapshotIds, ...(image ? snapshotIdsOf(image) : [])])];
  const snapshots = (await snapshotsById(ec2, named)).filter((each) => isMadeForImage(each, amiId));
  // What this run itself shared it has just taken back, which reads may show late.
  const isFree = await findInTime(settings, async () => {
    const uses = await findUses(ec2, image, amiId, snapshots);
    return uses.length === 0 ? true : undefined;
  });
  if (!isFree) throw kept(target, amiId, await findUses(ec2, image, amiId, snapshots));
  if (image) await unlessGone(ec2.send(new DeregisterImageCommand({ ImageId: amiId })));
  const gone = await workInTurns(snapshots, CALLS_AT_ONCE, async ({ SnapshotId }) => {
    await unlessGone(ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
    return SnapshotId;
  });
  if (await findOwnImage(ec2, { 'image-id': amiId }))
    throw passingFailure(FAILURE.conflict, `image ${amiId} is still registered`);
  return image ? [amiId, ...gone] : gone;
}

function kept(target: Target, amiId: string, uses: readonly string[]): ApplicationFailure {
  return conflict(
    `image ${amiId} in ${targetKey(target)} stays, with its snapshots: ${uses.join('; ')}. Remove it when nobody needs it`,
  );
}

/** Why an image and its snapshots cannot go, now that everything which this run shared is taken back. */
async function findUses(
  ec2: EC2Client,
  image: KnownImage | undefined,
  amiId: string,
  snapshots: readonly KnownSnapshot[],
): Promise<string[]> {
  const found: string[] = [];
  const launch = image && (await unlessGone(readLaunchPermissions(ec2, amiId)));
  if (launch && launch.all.length > 0) found.push(`it is shared with ${launch.all.join(', ')}`);
  const ids = snapshots.map(({ SnapshotId }) => SnapshotId);
  const shared = await workInTurns(ids, CALLS_AT_ONCE, async (id) => {
    const volumes = await unlessGone(readVolumePermissions(ec2, id));
    return volumes && volumes.all.length > 0 ? [`${id} is shared with ${volumes.all.join(', ')}`] : [];
  });
  found.push(...shared.flat());
  for (const { SnapshotId, Tags } of snapshots)
    if (isHeld(tagMap(Tags))) found.push(`${SnapshotId} is on legal hold`);
  if (ids.length === 0) return found;
  for (const { ImageId, BlockDeviceMappings = [] } of await findImages(ec2, ids)) {
    if (ImageId === amiId) continue;
    const shared = BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
    found.push(`${ImageId} uses ${shared.filter((id) => ids.includes(id)).join(', ')}`);
  }
  const { Snapshots } = await ec2.send(new DescribeLockedSnapshotsCommand({ SnapshotIds: ids }));
  for (const { SnapshotId, LockState } of withId(Snapshots, 'SnapshotId', ids))
    if (LockState !== 'expired') found.push(`${SnapshotId} is locked`);
  return found;
}

/** Disabled ones too: enabled again, they would want their snapshots. */
async function findImages(ec2: EC2Client, snapshotIds: string[]): Promise<KnownImage[]> {
  const { Images } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ['self'],
      IncludeDisabled: true,
      Filters: [{ Name: 'block-device-mapping.snapshot-id', Values: snapshotIds }],
    }),
  );
  return knownImages(Images);
}

/** Those that are there. */
async function snapshotsById(ec2: EC2Client, ids: string[]): Promise<KnownSnapshot[]> {
  if (ids.length === 0) return [];
  return findSnapshots(ec2, [{ Name: 'snapshot-id', Values: ids }], ids);
}

/**
 * By the words that EC2 itself writes on the snapshots that it makes for an image. An image may also name snapshots that were there
 * before it: those are not of its making.
 */
export function isMadeForImage({ Description }: Snapshot, amiId: string): boolean {
  return imageInDescription(Description) === amiId;
}
