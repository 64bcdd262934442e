import type { ApplicationFailure } from '@temporalio/common';
import {
  CopyVolumesCommand,
  CreateVolumeCommand,
  type EC2Client,
  type Volume,
  type VolumeType,
} from '@aws-sdk/client-ec2';
import { finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { TAG } from '../../model/names';
import { isUsersTag } from '../../model/moves/tagRoom';
import { targetKey } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { clientToken } from '../support/idempotency';
import { requireVolume } from '../machines/volumes';
import { tagList, tagMap } from '../support/tags';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import { told } from '../support/known';

interface Replacement {
  plan: MovePlan;
  migrationId: string;
  disk: DiskPlan;
}

/** The encrypted volumes that take the places of a machine's own: same type, size, performance and users' tags. */
export function replacementActivities({ aws }: ActivityDeps) {
  return {
    /**
     * From a snapshot, whether that is encrypted or not: EBS encrypts, or encrypts anew, on the way
     * (https://docs.aws.amazon.com/ebs/latest/userguide/encryption-examples.html#reencrypt-volume).
     */
    async createReplacement(request: Replacement & { snapshotId: string }): Promise<string> {
      const { plan, migrationId, disk, snapshotId } = request;
      const ec2 = aws.ec2(plan.target, 'migrate');
      const answer = await ec2.send(
        new CreateVolumeCommand({
          ...(await describeExplicitly(ec2, request)),
          AvailabilityZone: disk.zone,
          SnapshotId: snapshotId,
          ClientToken: clientToken(`${migrationId}|volume|${disk.volumeId}`),
        }),
      );
      return told(answer, `CreateVolume for ${disk.volumeId}`, 'VolumeId').VolumeId;
    },

    /**
     * As a copy of the volume itself, which can be used at once and is filled in the background. It lies in the zone of
     * its source, and takes neither type nor tags from it
     * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html).
     *
     * @throws ApplicationFailure QuotaExceeded, which does not retry: the copies under way take hours
     */
    async cloneReplacement(request: Replacement): Promise<string> {
      const { plan, migrationId, disk } = request;
      const ec2 = aws.ec2(plan.target, 'migrate');
      const command = new CopyVolumesCommand({
        ...(await describeExplicitly(ec2, request)),
        SourceVolumeId: disk.volumeId,
        ClientToken: clientToken(`${migrationId}|clone|${disk.volumeId}`),
      });
      const answer = await ec2.send(command).catch((error: unknown) => {
        throw (error as Error).name === 'ResourceLimitExceeded' ? taken(request, error as Error) : error;
      });
      return told(answer.Volumes?.[0], `CopyVolumes for ${disk.volumeId}`, 'VolumeId').VolumeId;
    },
  };
}

/** What both calls would otherwise choose by themselves, or drop. */
export async function describeExplicitly(ec2: EC2Client, { plan, migrationId, disk }: Replacement) {
  const original = await requireVolume(ec2, plan.target, disk.volumeId);
  const Tags = tagList({
    ...usersTags(original),
    [TAG.migration]: migrationId,
    [TAG.replaces]: disk.volumeId,
  });
  return {
    VolumeType: disk.type as VolumeType,
    Size: disk.size,
    Iops: disk.iops,
    Throughput: disk.throughput,
    ...(disk.multiAttach && { MultiAttachEnabled: true }),
    Encrypted: true,
    KmsKeyId: plan.kmsKeyArn,
    TagSpecifications: [{ ResourceType: 'volume' as const, Tags }],
  };
}

function usersTags({ Tags }: Volume): Record<string, string> {
  return Object.fromEntries(Object.entries(tagMap(Tags)).filter(([key]) => isUsersTag(key)));
}

function taken({ plan, disk }: Replacement, error: Error): ApplicationFailure {
  return finalFailure(
    FAILURE.quotaExceeded,
    `ec2:CopyVolumes of ${disk.volumeId} in ${targetKey(plan.target)}: ${error.message}. Somebody else has taken the volume copies that were free before the stop; start this again, or use strategy direct`,
  );
}
