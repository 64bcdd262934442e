import type { ApplicationFailure } from '@temporalio/common';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { notFound, passingFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import type { InterruptedVolume } from '../../model/moves/loneVolume';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { Settings } from '../support/deps';
import { diskInstead, findGoneVolumes, findKeptSnapshots } from './goneOriginals';
import { findNamedStaged } from './ownSnapshots';
import { isMadeOf, isStagedFrom } from './ownVolumes';
import { tagMap } from '../support/tags';
import { keyOf, type KnownVolume } from '../support/known';
import { findVolumes } from '../support/reads';

/**
 * Of an original that is gone: the only new volume that EC2 says was made of it, with the snapshot of its last moment that only a
 * commit keeps. What is left to do then are staging snapshots and marks.
 *
 * @throws ApplicationFailure NotFound where no commit has deleted it
 */
export async function findCommittedMove(
  settings: Settings,
  ec2: EC2Client,
  target: Target,
  volumeId: string,
): Promise<InterruptedVolume | undefined> {
  const [gone] = await findGoneVolumes(settings, ec2, [volumeId]);
  // It was late, and shows now.
  if (gone === undefined) throw passingFailure(FAILURE.serviceError, `${volumeId} showed late`);
  for (const volume of await findClaiming(ec2, volumeId)) {
    const { VolumeId, Tags } = volume;
    const kmsKeyArn = keyOf(volume, VolumeId);
    const migrationId = tagMap(Tags)[TAG.migration];
    // What replaces another volume is encrypted, and says by which move.
    if (!kmsKeyArn || !migrationId) continue;
    const kept = (await findKeptSnapshots(ec2, migrationId)).some((point) =>
      isStagedFrom(point, volumeId, migrationId),
    );
    const origin = { volumeId, createdAt: 0 };
    if (!kept || !(await isMadeOf(ec2, volume, origin, migrationId))) continue;
    const plan = { target, kmsKeyArn, disks: [diskInstead(volume, volumeId)] };
    const staged = await findNamedStaged(ec2, [volume], migrationId, [volumeId]);
    const replacements = { [volumeId]: VolumeId };
    return { migrationId, plan, replacements, committed: true, ...(staged && { staged }) };
  }
  throw missing(target, volumeId);
}

async function findClaiming(ec2: EC2Client, volumeId: string): Promise<KnownVolume[]> {
  const Filters = [{ Name: `tag:${TAG.replaces}`, Values: [volumeId] }];
  return findVolumes(ec2, Filters);
}

export function missing(target: Target, volumeId: string): ApplicationFailure {
  return notFound(`${volumeId} in ${targetKey(target)} is gone`);
}
