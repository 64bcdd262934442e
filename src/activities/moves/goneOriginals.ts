import type { EC2Client, Snapshot, Volume } from '@aws-sdk/client-ec2';
import { TAG } from '../../model/names';
import type { Settings } from '../support/deps';
import { findCertainlyGone } from '../support/gone';
import { diskAt } from '../machines/facts';
import { isMadeOf, isStagedFrom, findNewVolumesByTag } from './ownVolumes';
import { readAll, readVolume } from '../support/sharedReads';
import { findSnapshotsByTag } from './staging';
import { attachmentOf } from '../machines/volumes';
import { tagMap } from '../support/tags';
import type { DiskPlan } from '../../model/machines/facts';
import type { KnownInstance, KnownSnapshot, KnownVolume } from '../support/known';

/** Originals that are not there any more, while their new volumes are in their places. */
export interface GoneOriginals {
  /** As what has taken their places has them. */
  disks: DiskPlan[];
  /** New volume by original. */
  replacements: Record<string, string>;
  /** Those whose last moment a commit has kept: only a commit does, so it had begun. */
  committed: string[];
  /** Volumes that seem to have taken a place, and are not proven: they are left alone. */
  unclear: string[];
}

/** Volumes of a machine that say that they replace another one. */
export async function findClaimants(
  ec2: EC2Client,
  { InstanceId }: KnownInstance,
  migrationId: string,
): Promise<KnownVolume[]> {
  const marked = await findNewVolumesByTag(ec2, migrationId);
  return marked.filter((volume) => attachmentOf(volume)?.InstanceId === InstanceId);
}

/**
 * What a commit has deleted, or somebody else. Tags find; that a volume has taken an original's place is proven by what EC2 records
 * that it was made of, or by the snapshot of its last moment that a commit has kept, with its device.
 */
export async function findGoneOriginals(
  settings: Settings,
  ec2: EC2Client,
  instance: KnownInstance,
  migrationId: string,
): Promise<GoneOriginals> {
  const found: GoneOriginals = { disks: [], replacements: {}, committed: [], unclear: [] };
  const claiming = await findClaimants(ec2, instance, migrationId);
  const gone = await findGoneVolumes(settings, ec2, [
    ...new Set(claiming.flatMap((volume) => replacedBy(volume) ?? [])),
  ]);
  if (gone.length === 0) return found;
  const points = await findKeptSnapshots(ec2, migrationId);
  for (const original of gone) {
    const kept = points.filter((point) => isStagedFrom(point, original, migrationId));
    const ofIt = claiming.filter((volume) => replacedBy(volume) === original);
    const proven = await Promise.all(
      ofIt.map(
        async (volume) =>
          kept.some((point) => isAt(volume, point)) ||
          (await isMadeOf(ec2, volume, { volumeId: original, createdAt: 0 }, migrationId)),
      ),
    );
    const own = ofIt.filter((_, index) => proven[index]);
    const [only] = own;
    if (!only || own.length > 1) {
      found.unclear.push(...ofIt.map(({ VolumeId }) => VolumeId));
      continue;
    }
    found.disks.push(diskInstead(only, original));
    found.replacements[original] = only.VolumeId;
    if (kept.length > 0) found.committed.push(original);
  }
  return found;
}

export function findGoneVolumes(
  settings: Settings,
  ec2: EC2Client,
  volumeIds: readonly string[],
): Promise<string[]> {
  return findCertainlyGone(settings, volumeIds, async (ids) => {
    const there = await readAll([...ids], (id) => readVolume(ec2, id));
    return there.map(({ VolumeId }) => VolumeId);
  });
}

/** Snapshots that a commit of the migration has kept. */
export async function findKeptSnapshots(ec2: EC2Client, migrationId: string): Promise<KnownSnapshot[]> {
  const points = await findSnapshotsByTag(ec2, TAG.recoveryPoint, migrationId);
  return points.filter(({ State }) => State === 'completed');
}

function replacedBy({ Tags }: Volume): string | undefined {
  return tagMap(Tags)[TAG.replaces];
}

function isAt(volume: KnownVolume, { Tags }: Snapshot): boolean {
  return tagMap(Tags)[TAG.device] === attachmentOf(volume)?.Device;
}

/** The original as what has taken its place has it. */
export function diskInstead(volume: KnownVolume, original: string): DiskPlan {
  return { ...diskAt(volume, attachmentOf(volume)), volumeId: original, createdAt: 0 };
}
