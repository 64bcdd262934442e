import { DeleteVolumeCommand, DetachVolumeCommand, type EC2Client, type Snapshot } from '@aws-sdk/client-ec2';
import { awaitAll } from '../../model/awaitAll';
import { groupBy, valueAt } from '../../model/group';
import { ownDescription, TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { theOnly } from '../support/proof';
import { snapshotsById } from '../points/recoveryPoints';
import { readVolume } from '../support/sharedReads';
import { attachmentOf, foreign, isRefusal } from '../machines/volumes';
import { sleep } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import { unlessGone } from '../support/unlessGone';
import { COPY_VOLUME } from '../../model/points/copyVolume';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import type { KnownSnapshot, KnownVolume } from '../support/known';
import { findVolumes } from '../support/reads';

interface OfMove {
  plan: MovePlan;
  migrationId: string;
}

/** What of a move's new volumes could be proven; src/activities/support/proof.ts says how. */
export interface FoundVolumes {
  /** New volume by the original that it replaces. */
  own: Record<string, string>;
  /** Volumes that all seem to be one and the same: none of them is touched. */
  unclear: string[];
}

interface DetachOwnVolumesRequest {
  target: Target;
  instanceId: string;
  volumeIds: string[];
}

/** The new volumes of a move, when their ids are known, and when an answer that was lost has to be made up for. */
export function ownVolumeActivities({ aws, settings: { readLagMs } }: ActivityDeps) {
  return {
    /**
     * The new volumes of these originals, whose ids no answer has told. What was made a moment ago may not show at once, so
     * an empty look is taken again after the read lag.
     */
    async findOwnVolumes({
      plan,
      migrationId,
      originals,
    }: OfMove & { originals: string[] }): Promise<FoundVolumes> {
      const ec2 = aws.ec2(plan.target, 'read');
      const disks = plan.disks.filter(({ volumeId }) => originals.includes(volumeId));
      const look = () => findProvenVolumes(ec2, migrationId, disks);
      const found = await look();
      if (Object.keys(found.own).length + found.unclear.length >= disks.length) return found;
      await sleep(readLagMs);
      return look();
    },

    /**
     * Detaches those of a move's own volumes that are attached to its machine; never by force.
     *
     * @returns those that were, and have to be waited for
     */
    async detachOwnVolumes({ target, instanceId, volumeIds }: DetachOwnVolumesRequest): Promise<string[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const detached = await awaitAll(volumeIds.map((id) => detach(ec2, id, instanceId)));
      return volumeIds.filter((_, index) => detached[index]);
    },

    /** Deletes volumes that the move has recorded as its own; what is gone is done. EC2 refuses what is attached. */
    async deleteOwnVolumes({ target, volumeIds }: { target: Target; volumeIds: string[] }): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      for (const volumeId of volumeIds) await deleteVolume(ec2, volumeId);
    },

    /** Of runs that 0.1.0 began, which do not tell what is theirs: deletes the volumes that prove to be. */
    async deleteReplacements({
      target,
      migrationId,
    }: {
      target: Target;
      migrationId: string;
    }): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      for (const volumeId of Object.values(await findAllProvenVolumes(ec2, migrationId)))
        await deleteVolume(ec2, volumeId);
    },
  };
}

/** Deleting what is gone already is done. */
export async function deleteVolume(ec2: EC2Client, VolumeId: string): Promise<void> {
  await unlessGone(ec2.send(new DeleteVolumeCommand({ VolumeId })));
}

/** False where it was not attached there. */
async function detach(ec2: EC2Client, volumeId: string, instanceId: string): Promise<boolean> {
  try {
    await ec2.send(new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId }));
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const attachment = attachmentOf(await readVolume(ec2, volumeId));
    if (!attachment) return false;
    if (attachment.InstanceId !== instanceId) throw foreign(volumeId, attachment.InstanceId);
    if (attachment.State !== 'detaching') throw error;
    return true;
  }
}

/**
 * Tags find the candidates; what AWS itself has recorded of their source decides: the original that a copy was made of, or
 * the snapshot of this migration that a volume was made from. Of several that all agree, the one that is attached in the
 * original's place is the one; else none can be told to be it.
 */
export async function findProvenVolumes(
  ec2: EC2Client,
  migrationId: string,
  disks: readonly DiskPlan[],
  instanceId?: string,
): Promise<FoundVolumes> {
  const found: FoundVolumes = { own: {}, unclear: [] };
  if (disks.length === 0) return found;
  const candidates = await findNewVolumesByTag(ec2, migrationId);
  const sources = await readSources(ec2, candidates);
  for (const disk of disks) {
    const agreeing = candidates.filter(
      (volume) => replaces(volume, disk) && isMadeFrom(volume, disk, migrationId, sources),
    );
    const inPlace = agreeing.filter(
      (volume) =>
        attachmentOf(volume)?.InstanceId === instanceId && attachmentOf(volume)?.Device === disk.device,
    );
    const chosen = instanceId !== undefined && inPlace.length > 0 ? inPlace : agreeing;
    const ids = chosen.map(({ VolumeId }) => VolumeId);
    const [only] = ids;
    if (only !== undefined && ids.length === 1) found.own[disk.volumeId] = only;
    else found.unclear.push(...ids);
  }
  return found;
}

/**
 * All new volumes of a migration by their originals, of runs that 0.1.0 began and that name neither.
 *
 * @throws ApplicationFailure AmbiguousOwner where two seem to replace one
 */
export async function findAllProvenVolumes(
  ec2: EC2Client,
  migrationId: string,
): Promise<Record<string, string>> {
  const candidates = await findNewVolumesByTag(ec2, migrationId);
  const sources = await readSources(ec2, candidates);
  const proven = candidates.flatMap((volume) => {
    const original = tagMap(volume.Tags)[TAG.replaces];
    const isProven =
      original && isMadeFrom(volume, { volumeId: original, createdAt: 0 }, migrationId, sources);
    return isProven ? { original, volumeId: volume.VolumeId } : [];
  });
  const own: Record<string, string> = {};
  for (const [original, twins] of groupBy(proven, (each) => each.original)) {
    const what = `volume that replaces ${original} for migration ${migrationId}`;
    const only = theOnly(twins, ({ volumeId }) => volumeId, what);
    if (only) own[original] = only.volumeId;
  }
  return own;
}

/** Whether a volume was made of this original by the migration, as AWS records it. */
export async function isMadeOf(
  ec2: EC2Client,
  volume: KnownVolume,
  disk: Pick<DiskPlan, 'volumeId' | 'createdAt'>,
  migrationId: string,
): Promise<boolean> {
  return isMadeFrom(volume, disk, migrationId, await readSources(ec2, [volume]));
}

function readSources(ec2: EC2Client, volumes: readonly KnownVolume[]): Promise<Map<string, KnownSnapshot>> {
  return snapshotsById(
    ec2,
    volumes.flatMap(({ SnapshotId }) => SnapshotId || []),
  );
}

/** Candidates, and no more: anybody may write tags. */
export async function findNewVolumesByTag(ec2: EC2Client, migrationId: string): Promise<KnownVolume[]> {
  const Filters = [
    { Name: `tag:${TAG.migration}`, Values: [migrationId] },
    { Name: 'tag-key', Values: [TAG.replaces] },
  ];
  return findVolumes(ec2, Filters);
}

function replaces({ Tags }: KnownVolume, { volumeId }: DiskPlan): boolean {
  return tagMap(Tags)[TAG.replaces] === volumeId;
}

function isMadeFrom(
  { SourceVolumeId, SnapshotId, CreateTime }: KnownVolume,
  disk: Pick<DiskPlan, 'volumeId' | 'createdAt'>,
  migrationId: string,
  sources: ReadonlyMap<string, Snapshot>,
): boolean {
  if (CreateTime.getTime() < disk.createdAt) return false;
  if (SourceVolumeId) return SourceVolumeId === disk.volumeId;
  const source = valueAt(sources, SnapshotId);
  return source !== undefined && isStagedFrom(source, disk.volumeId, migrationId);
}

/** Whether a snapshot is one that the migration made of this original: its own, or an encrypted copy of that. */
export function isStagedFrom(
  { Description, Tags, VolumeId }: Snapshot,
  original: string,
  migrationId: string,
): boolean {
  const tags = tagMap(Tags);
  if (Description !== ownDescription(migrationId) || tags[TAG.migration] !== migrationId) return false;
  return VolumeId === original || (VolumeId === COPY_VOLUME && tags[TAG.sourceVolume] === original);
}
