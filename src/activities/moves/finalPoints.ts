import { CreateSnapshotCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { valueAt } from '../../model/group';
import { ownDescription, TAG } from '../../model/names';
import type { ActivityDeps, Settings } from '../support/deps';
import { findGoneVolumes, findKeptSnapshots } from './goneOriginals';
import { findInTime, requestId } from '../support/idempotency';
import { findAllProvenVolumes, isStagedFrom } from './ownVolumes';
import { theOnly } from '../support/proof';
import { snapshotsById } from '../points/recoveryPoints';
import { readAll, readVolume } from '../support/sharedReads';
import {
  idOf,
  isWhole,
  numbered,
  findSnapshotsByTag,
  sourceTags,
  stagingTags,
  type Repeatable,
} from './staging';
import { tagList, tagMap } from '../support/tags';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import { told, type KnownSnapshot } from '../support/known';

interface OfMigration {
  plan: MovePlan;
  migrationId: string;
}

/** A snapshot of what was on an original when the machine stopped. */
export interface LastMoment {
  snapshotId: string;
  /** Whether it is under the migration's key, as the final recovery point has to be. */
  underKey: boolean;
}

/** The recovery point of a machine's last moment on its old volumes, which stays when they are deleted. */
export function finalPointActivities({ aws, settings }: ActivityDeps) {
  return {
    /**
     * What there is already, by original volume: what each new volume was made from, as EC2 itself records it. Copies and
     * direct migrations leave such snapshots; clones do not. Of an original that is not there any more also what a commit has
     * kept: nothing is deleted on the strength of that.
     *
     * @param volumes new volume by original, as the run has recorded them; a run that 0.1.0 began tells none
     */
    async lastMomentsOf({
      plan,
      migrationId,
      volumes,
    }: OfMigration & { volumes?: Record<string, string> }): Promise<Record<string, LastMoment>> {
      const ec2 = aws.ec2(plan.target, 'read');
      const made = volumes ?? (await findAllProvenVolumes(ec2, migrationId));
      const sources = await findSourcesOfNewVolumes(ec2, migrationId, made);
      const without = plan.disks.filter(({ volumeId }) => !sources.some(([id]) => id === volumeId));
      const ofGone = volumes ? await findKeptOfGone(settings, ec2, plan, migrationId, without) : [];
      const snapshots = [...sources, ...(volumes ? ofGone : await findKeptLast(ec2, migrationId))];
      return Object.fromEntries(
        snapshots.map(([volumeId, { SnapshotId, KmsKeyId }]) => [
          volumeId,
          { snapshotId: SnapshotId, underKey: KmsKeyId === plan.kmsKeyArn },
        ]),
      );
    },

    /** A snapshot of an original that is detached: nothing has been written to it since the stop. */
    async snapshotOriginal(request: OfMigration & Repeatable & { volumeId: string }): Promise<string> {
      const { plan, migrationId, volumeId } = request;
      const ec2 = aws.ec2(plan.target, 'migrate');
      const key = requestId(migrationId, 'original', volumeId, ...numbered(request));
      // A run before this one may have begun it: that is looked for on the first attempt too.
      const earlier = await findInTime(settings, () => findSnapshotOf(ec2, volumeId, migrationId, key));
      if (earlier) return earlier.SnapshotId;
      const Tags = tagList({ ...stagingTags(migrationId, key), ...sourceTags(plan) });
      const answer = await ec2.send(
        new CreateSnapshotCommand({
          VolumeId: volumeId,
          Description: ownDescription(migrationId),
          TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
        }),
      );
      return told(answer, `CreateSnapshot of ${volumeId}`, 'SnapshotId').SnapshotId;
    },
  };
}

/** Of the volume itself as EC2 records it, not broken, and the only one. */
async function findSnapshotOf(
  ec2: EC2Client,
  volumeId: string,
  migrationId: string,
  key: string,
): Promise<KnownSnapshot | undefined> {
  const found = (await findSnapshotsByTag(ec2, TAG.request, key)).filter(
    (snapshot) => snapshot.VolumeId === volumeId && isWhole(migrationId)(snapshot),
  );
  return theOnly(found, idOf, `snapshot of ${volumeId} that migration ${migrationId} made`);
}

async function findSourcesOfNewVolumes(
  ec2: EC2Client,
  migrationId: string,
  made: Record<string, string>,
): Promise<[string, KnownSnapshot][]> {
  const volumes = await readAll(Object.values(made), (id) => readVolume(ec2, id));
  // EC2 says so with an empty text of a volume that was made of no snapshot.
  const snapshotOf = new Map(volumes.map(({ VolumeId, SnapshotId }) => [VolumeId, SnapshotId || undefined]));
  const snapshots = await snapshotsById(
    ec2,
    [...snapshotOf.values()].flatMap((id) => id ?? []),
  );
  return Object.entries(made).flatMap(([original, id]): [string, KnownSnapshot][] => {
    const snapshot = valueAt(snapshots, snapshotOf.get(id));
    const isLastMoment = snapshot?.State === 'completed' && isStagedFrom(snapshot, original, migrationId);
    return isLastMoment ? [[original, snapshot]] : [];
  });
}

/** Of originals that are certainly gone, the only snapshot each that a commit of this migration has kept. */
async function findKeptOfGone(
  settings: Settings,
  ec2: EC2Client,
  { kmsKeyArn }: MovePlan,
  migrationId: string,
  disks: readonly DiskPlan[],
): Promise<[string, KnownSnapshot][]> {
  const gone = await findGoneVolumes(
    settings,
    ec2,
    disks.map(({ volumeId }) => volumeId),
  );
  if (gone.length === 0) return [];
  const points = (await findKeptSnapshots(ec2, migrationId)).filter((point) => point.KmsKeyId === kmsKeyArn);
  return gone.flatMap((volumeId): [string, KnownSnapshot][] => {
    const [only, ...others] = points.filter((point) => isStagedFrom(point, volumeId, migrationId));
    return only && others.length === 0 ? [[volumeId, only]] : [];
  });
}

/** Of a commit that an earlier version has begun. */
async function findKeptLast(ec2: EC2Client, migrationId: string): Promise<[string, KnownSnapshot][]> {
  const points = await findSnapshotsByTag(ec2, TAG.recoveryPoint, migrationId);
  return points.flatMap((snapshot): [string, KnownSnapshot][] => {
    const source = tagMap(snapshot.Tags)[TAG.sourceVolume];
    return source && isStagedFrom(snapshot, source, migrationId) ? [[source, snapshot]] : [];
  });
}
