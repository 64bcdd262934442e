import type { EC2Client } from '@aws-sdk/client-ec2';
import { groupBy } from '../../model/group';
import { parseOriginalMark, type OriginalMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { diskAt, diskOf } from '../machines/facts';
import { isMadeOf, findProvenVolumes } from './ownVolumes';
import { ambiguous } from '../support/proof';
import { readAll, readVolume } from '../support/sharedReads';
import { tagMap } from '../support/tags';
import type { DiskPlan } from '../../model/machines/facts';
import { told, type KnownInstance, type KnownVolume } from '../support/known';
import { attachedVolumeIds, findVolumes } from '../support/reads';

interface MarkedVolume {
  volume: KnownVolume;
  mark: OriginalMark;
}

/** The volumes of a machine's terminated migration, as both sides tell of each other. */
export interface MovedVolumes {
  /** As they are marked. */
  originals: DiskPlan[];
  /** New volume by original: of what exists. */
  replacements: Record<string, string>;
  /** New volume by original, as the originals name it, whether it exists or not. */
  named: Record<string, string>;
  /** Volumes that seem to be new ones, and cannot be told from each other. */
  unclear: string[];
}

/**
 * Whether the machine has run since a new volume was attached to it: by itself after its start, or because somebody started
 * it by hand. EC2 sets the launch time anew with every start.
 */
export function hasRunOn(instance: KnownInstance, made: readonly KnownVolume[]): boolean {
  const attached = new Set(attachedVolumeIds(instance));
  const on = made.filter(({ VolumeId }) => attached.has(VolumeId));
  if (on.length === 0) return false;
  const since = Math.min(...on.map(({ CreateTime }) => CreateTime.getTime()));
  return isUp(instance) || told(instance, instance.InstanceId, 'LaunchTime').LaunchTime.getTime() > since;
}

export function isUp({ State }: KnownInstance): boolean {
  return State.Name === 'running' || State.Name === 'pending';
}

/** @throws ApplicationFailure AmbiguousOwner where two volumes seem to be the original at one device */
export async function findMovedVolumes(
  ec2: EC2Client,
  instance: KnownInstance,
  migrationId: string,
): Promise<MovedVolumes> {
  const marked = await findOriginals(ec2, instance, migrationId);
  const named = Object.fromEntries(
    marked.flatMap(({ volume: { VolumeId }, mark: { replacedBy } }) =>
      replacedBy === undefined ? [] : [[VolumeId, replacedBy]],
    ),
  );
  const agreed = await findAgreeing(ec2, named, migrationId);
  const unnamed = marked.filter(({ mark }) => mark.replacedBy === undefined).map(markedDisk);
  const proven = await findProvenVolumes(ec2, migrationId, unnamed, instance.InstanceId);
  return {
    originals: marked.map(markedDisk),
    replacements: { ...proven.own, ...agreed.own },
    named,
    unclear: [...agreed.unclear, ...proven.unclear],
  };
}

/** Of a machine whose migration has touched none of its volumes. */
export function attachedDisk(volume: KnownVolume, instanceId: string): DiskPlan {
  return diskAt(
    volume,
    volume.Attachments?.find(({ InstanceId }) => InstanceId === instanceId),
  );
}

function markedDisk({ volume, mark }: MarkedVolume): DiskPlan {
  return diskOf(volume, mark);
}

/** One a device. Marks of 0.1.0 do not name their bearer, so that copies of them are told apart by what EC2 records. */
async function findOriginals(
  ec2: EC2Client,
  instance: KnownInstance,
  migrationId: string,
): Promise<MarkedVolume[]> {
  const Filters = [{ Name: `tag:${TAG.original}`, Values: [`${migrationId} *`] }];
  const marked = (await findVolumes(ec2, Filters)).flatMap((volume) => {
    const mark = parseOriginalMark(tagMap(volume.Tags)[TAG.original], volume.VolumeId);
    const isOfMachine = mark?.migrationId === migrationId && mark.instanceId === instance.InstanceId;
    return isOfMachine ? { volume, mark } : [];
  });
  const originals: MarkedVolume[] = [];
  for (const [device, twins] of groupBy(marked, ({ mark }) => mark.device))
    originals.push(
      ...(twins.length > 1 ? [await findTrueOne(ec2, instance, migrationId, device, twins)] : twins),
    );
  return originals;
}

/** The one that is attached there, or that the volume which is attached there was made of. */
async function findTrueOne(
  ec2: EC2Client,
  { InstanceId, BlockDeviceMappings = [] }: KnownInstance,
  migrationId: string,
  device: string,
  twins: readonly MarkedVolume[],
): Promise<MarkedVolume> {
  const holds = BlockDeviceMappings.find(({ DeviceName }) => DeviceName === device)?.Ebs?.VolumeId;
  const attached = twins.filter(({ volume: { VolumeId } }) => VolumeId === holds);
  const newOne = holds === undefined ? undefined : await readVolume(ec2, holds);
  const sources =
    attached.length > 0 || !newOne ? attached : await findSourcesOf(ec2, migrationId, newOne, twins);
  const [only] = sources;
  if (only && sources.length === 1) return only;
  throw ambiguous(
    `original at ${device} of ${InstanceId} that migration ${migrationId} keeps`,
    twins.map(({ volume: { VolumeId } }) => VolumeId),
  );
}

async function findSourcesOf(
  ec2: EC2Client,
  migrationId: string,
  newOne: KnownVolume,
  twins: readonly MarkedVolume[],
): Promise<MarkedVolume[]> {
  const verdicts = await Promise.all(
    twins.map((twin) => isMadeOf(ec2, newOne, markedDisk(twin), migrationId)),
  );
  return twins.filter((_, index) => verdicts[index]);
}

/** Each original names its new volume, and that names the original. */
async function findAgreeing(
  ec2: EC2Client,
  named: Record<string, string>,
  migrationId: string,
): Promise<{ own: Record<string, string>; unclear: string[] }> {
  const volumes = await readAll(Object.values(named), (id) => readVolume(ec2, id));
  const byId = new Map(volumes.map((volume) => [volume.VolumeId, volume]));
  const own: Record<string, string> = {};
  const unclear: string[] = [];
  for (const [original, id] of Object.entries(named)) {
    const volume = byId.get(id);
    if (!volume) continue;
    const tags = tagMap(volume.Tags);
    if (tags[TAG.replaces] === original && tags[TAG.migration] === migrationId) own[original] = id;
    else unclear.push(id);
  }
  return { own, unclear };
}
