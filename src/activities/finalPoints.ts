import {
  CreateSnapshotCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../model/failures';
import type { MovePlan } from '../model/migration';
import { ownDescription, TAG } from '../model/names';
import type { ActivityDeps } from './deps';
import { foundInTime, requestId } from './idempotency';
import { tagList, tagMap } from './imageReads';
import { snapshotsByTag, sourceTags, stagingTags } from './staging';

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
    /** What there is already, by original volume: a copy migrates from such snapshots, and a commit may be done again. */
    async lastMomentsOf({ plan, migrationId }: OfMigration): Promise<Record<string, LastMoment>> {
      const ec2 = aws.ec2(plan.target, 'read');
      const snapshots = [...(await sourcesOfNewVolumes(ec2, migrationId)), ...(await kept(ec2, migrationId))];
      return Object.fromEntries(
        snapshots.map(([volumeId, { SnapshotId = '', KmsKeyId }]) => [
          volumeId,
          { snapshotId: SnapshotId, underKey: KmsKeyId === plan.kmsKeyArn },
        ]),
      );
    },

    /** A snapshot of an original that is detached: nothing has been written to it since the stop. */
    async snapshotOriginal({
      plan,
      migrationId,
      volumeId,
    }: OfMigration & { volumeId: string }): Promise<string> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const key = requestId(migrationId, 'original', volumeId);
      // A run before this one may have begun it: that is looked for on the first attempt too.
      const earlier = await foundInTime(
        settings,
        async () => (await snapshotsByTag(ec2, TAG.request, key))[0],
      );
      if (earlier?.SnapshotId) return earlier.SnapshotId;
      const Tags = tagList({ ...stagingTags(migrationId, key), ...sourceTags(plan) });
      const { SnapshotId } = await ec2.send(
        new CreateSnapshotCommand({
          VolumeId: volumeId,
          Description: ownDescription(migrationId),
          TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
        }),
      );
      if (SnapshotId) return SnapshotId;
      throw ApplicationFailure.retryable(`CreateSnapshot of ${volumeId} gave no id`, FAILURE.serviceError);
    },
  };
}

async function sourcesOfNewVolumes(ec2: EC2Client, migrationId: string): Promise<[string, Snapshot][]> {
  const { Volumes = [] } = await ec2.send(
    new DescribeVolumesCommand({ Filters: [{ Name: `tag:${TAG.migration}`, Values: [migrationId] }] }),
  );
  const originals = new Map(
    Volumes.flatMap(({ SnapshotId, Tags }) =>
      SnapshotId ? [[SnapshotId, tagMap(Tags)[TAG.replaces] ?? ''] as const] : [],
    ),
  );
  if (originals.size === 0) return [];
  const Filters = [{ Name: 'snapshot-id', Values: [...originals.keys()] }];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
  return Snapshots.map((snapshot) => [originals.get(snapshot.SnapshotId ?? '') ?? '', snapshot]);
}

async function kept(ec2: EC2Client, migrationId: string): Promise<[string, Snapshot][]> {
  const snapshots = await snapshotsByTag(ec2, TAG.recoveryPoint, migrationId);
  return snapshots.map((snapshot) => [tagMap(snapshot.Tags)[TAG.sourceVolume] ?? '', snapshot]);
}
