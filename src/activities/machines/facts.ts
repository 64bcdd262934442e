import type { EC2Client, Instance, Volume } from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../../model/failures';
import { managerOfVolume } from '../../model/machines/managers';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { readAll, readInstance, readModification } from '../support/sharedReads';
import { tagMap } from '../support/tags';
import type { VolumeFacts } from '../../model/machines/facts';

/** Machines as a migration looks at them before it touches anything. */
export function machineActivities({ aws }: ActivityDeps) {
  return {
    /** The public IPv4 that EC2 has assigned, not an Elastic IP. */
    async publicIpOf({
      target,
      instanceId,
    }: {
      target: Target;
      instanceId: string;
    }): Promise<string | undefined> {
      return assignedPublicIp(await requireInstance(aws.ec2(target, 'read'), target, instanceId));
    },
  };
}

/** The instance, or a failure that says it is gone. */
export async function requireInstance(ec2: EC2Client, target: Target, instanceId: string): Promise<Instance> {
  const instance = await readInstance(ec2, instanceId);
  if (instance && instance.State?.Name !== 'terminated') return instance;
  throw instanceGone(target, instanceId);
}

export function instanceGone(target: Target, instanceId: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `${instanceId} in ${targetKey(target)} is terminated or does not exist`,
    FAILURE.notFound,
  );
}

/** That EC2 has assigned, not an Elastic IP. */
export function assignedPublicIp({ NetworkInterfaces = [] }: Instance): string | undefined {
  return NetworkInterfaces.find(({ Association }) => Association?.IpOwnerId === 'amazon')?.Association
    ?.PublicIp;
}

export async function beingModified(ec2: EC2Client, ids: string[]): Promise<Set<string>> {
  const modifications = await readAll(ids, (id) => readModification(ec2, id));
  const open = modifications.filter(
    ({ ModificationState }) => ModificationState === 'modifying' || ModificationState === 'optimizing',
  );
  return new Set(open.map(({ VolumeId = '' }) => VolumeId));
}

export function volumeFacts(volume: Volume, instanceId: string, modifying: ReadonlySet<string>): VolumeFacts {
  const attachment = volume.Attachments?.find(({ InstanceId }) => InstanceId === instanceId);
  return {
    volumeId: volume.VolumeId ?? '',
    device: attachment?.Device ?? '',
    type: volume.VolumeType ?? 'gp2',
    size: volume.Size ?? 0,
    ...explicitPerformance(volume),
    deleteOnTermination: attachment?.DeleteOnTermination ?? false,
    zone: volume.AvailabilityZone ?? '',
    createdAt: volume.CreateTime?.getTime() ?? 0,
    state: volume.State ?? 'unknown',
    encrypted: volume.Encrypted ?? false,
    kmsKeyArn: volume.KmsKeyId,
    multiAttach: volume.MultiAttachEnabled ?? false,
    managedBy: managerOfVolume({ tags: tagMap(volume.Tags), operator: volume.Operator }),
    beingModified: modifying.has(volume.VolumeId ?? ''),
    tagKeys: Object.keys(tagMap(volume.Tags)),
  };
}

/**
 * IOPS and throughput where CreateVolume takes them; for gp2 and the HDD types EC2 derives them from the size
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html).
 */
export function explicitPerformance({ VolumeType, Iops, Throughput }: Volume): {
  iops?: number;
  throughput?: number;
} {
  return {
    ...(['gp3', 'io1', 'io2'].includes(VolumeType ?? '') && Iops && { iops: Iops }),
    ...(VolumeType === 'gp3' && Throughput && { throughput: Throughput }),
  };
}
