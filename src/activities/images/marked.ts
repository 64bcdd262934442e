import type { EC2Client } from '@aws-sdk/client-ec2';
import { imageInDescription, isOwnImageDescription, stagingName } from '../../model/images/image';
import { TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { isMadeFor } from './proof';
import { findOwnImage } from './reads';
import type { KnownImage, KnownSnapshot } from '../support/known';
import { theOnly } from '../support/proof';
import { imagePages, snapshotPages } from '../support/reads';
import { snapshotIdsOf } from '../points/snapshotUse';

interface Marks {
  target: Target;
  request: string;
  runId: string;
}

/**
 * What a run of 0.1.0 made for a request and keeps no id of: the one image that carries the run's marks and that AWS's own records
 * prove to be made for it; or, where that is gone already, the snapshots that it left.
 *
 * @throws ApplicationFailure AmbiguousOwner where several could be it
 */
export async function findMarked(
  deps: ActivityDeps,
  ec2: EC2Client,
  marks: Marks,
): Promise<{ amiId: string; snapshotIds: string[] } | undefined> {
  const own: KnownImage[] = [];
  for (const image of await markedImages(ec2, marks)) if (await isOwn(deps, image, marks)) own.push(image);
  const what = `image that run ${marks.runId} made for request ${marks.request}`;
  const image = theOnly(own, ({ ImageId }) => ImageId, what);
  if (image) return { amiId: image.ImageId, snapshotIds: snapshotIdsOf(image) };
  return findLeftSnapshots(ec2, marks);
}

async function isOwn(
  deps: ActivityDeps,
  image: KnownImage,
  { target, request, runId }: Marks,
): Promise<boolean> {
  if (!isOwnImageDescription(image.Description, request)) return false;
  const final = /^(.*)-staging$/.exec(request)?.[1];
  // The name of a staging image says whose it is, and is its own for as long as it is there.
  if (final) return image.SourceInstanceId !== undefined && image.Name === stagingName(final, runId);
  return isMadeFor(deps, target, image, request);
}

/** Of an image that is gone; somebody's copy of one of them has the same tags and the same description. */
async function findLeftSnapshots(
  ec2: EC2Client,
  marks: Marks,
): Promise<{ amiId: string; snapshotIds: string[] } | undefined> {
  const bySource = new Map<string, KnownSnapshot[]>();
  const amiIds = new Set<string>();
  for (const snapshot of await markedSnapshots(ec2, marks)) {
    const amiId = imageInDescription(snapshot.Description);
    if (!amiId || (await findOwnImage(ec2, { 'image-id': amiId }))) continue;
    amiIds.add(amiId);
    const source = sourceOf(snapshot);
    if (source) bySource.set(source, [...(bySource.get(source) ?? []), snapshot]);
  }
  const amiId = theOnly([...amiIds], (id) => id, `image that run ${marks.runId} removed`);
  if (!amiId) return undefined;
  const left = [...bySource].flatMap(
    ([source, found]) =>
      theOnly(found, ({ SnapshotId }) => SnapshotId, `snapshot of ${source} for ${amiId}`)?.SnapshotId ?? [],
  );
  return left.length > 0 ? { amiId, snapshotIds: left } : undefined;
}

/** The volume that EC2 gives every copy of a snapshot: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html */
const COPIES_VOLUME_ID = 'vol-ffffffff';

/** Undefined of what cannot be an image's: CreateImage makes snapshots of volumes, and only CopyImage copies. */
function sourceOf({ VolumeId, Description = '' }: KnownSnapshot): string | undefined {
  const copied = /for SourceSnapshot (snap-[0-9a-f]+)/.exec(Description)?.[1];
  if (copied) return VolumeId === COPIES_VOLUME_ID ? copied : undefined;
  return VolumeId === COPIES_VOLUME_ID ? undefined : VolumeId;
}

function filters({ request, runId }: Marks) {
  return [
    { Name: `tag:${TAG.request}`, Values: [request] },
    { Name: `tag:${TAG.run}`, Values: [runId] },
  ];
}

async function markedImages(ec2: EC2Client, marks: Marks): Promise<KnownImage[]> {
  const found: KnownImage[] = [];
  for await (const page of imagePages(ec2, { Filters: filters(marks) })) found.push(...page);
  return found;
}

async function markedSnapshots(ec2: EC2Client, marks: Marks): Promise<KnownSnapshot[]> {
  const found: KnownSnapshot[] = [];
  for await (const page of snapshotPages(ec2, filters(marks))) found.push(...page);
  return found;
}
