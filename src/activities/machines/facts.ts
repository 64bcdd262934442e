import type { EC2Client, Instance, VolumeAttachment } from '@aws-sdk/client-ec2';
import type { ApplicationFailure } from '@temporalio/common';
import { notFound } from '../../aws/applicationFailures';
import { managerOfVolume } from '../../model/machines/managers';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { told, type KnownInstance, type KnownVolume } from '../support/known';
import { readAll, readInstance, readModification } from '../support/sharedReads';
import { tagMap } from '../support/tags';
import type { DiskPlan, VolumeFacts } from '../../model/machines/facts';

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
export async function requireInstance(
  ec2: EC2Client,
  target: Target,
  instanceId: string,
): Promise<KnownInstance> {
  const instance = await readInstance(ec2, instanceId);
  if (instance && instance.State.Name !== 'terminated') return instance;
  throw instanceGone(target, instanceId);
}

export function instanceGone(target: Target, instanceId: string): ApplicationFailure {
  return notFound(`${instanceId} in ${targetKey(target)} is terminated or does not exist`);
}

/** That EC2 has assigned, not an Elastic IP. */
export function assignedPublicIp({ NetworkInterfaces = [] }: Instance): string | undefined {
  return NetworkInterfaces.find(({ Association }) => Association?.IpOwnerId === 'amazon')?.Association
    ?.PublicIp;
}

export async function findBeingModified(ec2: EC2Client, ids: string[]): Promise<Set<string>> {
  const modifications = await readAll(ids, (id) => readModification(ec2, id));
  const open = modifications.filter(
    ({ ModificationState }) => ModificationState === 'modifying' || ModificationState === 'optimizing',
  );
  return new Set(open.map(({ VolumeId }) => VolumeId));
}

/**
 * What a plan has to know of a volume; whatever of it AWS left out is refused: a plan is carried out days later.
 *
 * @param instanceId of the machine that it is planned with, where there is one
 */
export function volumeFacts(
  answered: KnownVolume,
  instanceId: string | undefined,
  modifying: ReadonlySet<string>,
): VolumeFacts {
  const volume = told(answered, answered.VolumeId, 'Encrypted');
  const attachment =
    instanceId === undefined
      ? undefined
      : volume.Attachments?.find(({ InstanceId }) => InstanceId === instanceId);
  return {
    ...diskAt(volume, attachment),
    state: volume.State,
    encrypted: volume.Encrypted,
    kmsKeyArn: volume.KmsKeyId,
    multiAttach: volume.MultiAttachEnabled ?? false,
    managedBy: managerOfVolume({ tags: tagMap(volume.Tags), operator: volume.Operator }),
    beingModified: modifying.has(volume.VolumeId),
    tagKeys: Object.keys(tagMap(volume.Tags)),
  };
}

/** Of a volume that is attached to nothing, as plans have it. */
const NO_DEVICE = '';

/** A volume as it is attached there. */
export function diskAt(volume: KnownVolume, attachment: VolumeAttachment | undefined): DiskPlan {
  const device = attachment && told(attachment, `the attachment of ${volume.VolumeId}`, 'Device').Device;
  return diskOf(volume, {
    device: device ?? NO_DEVICE,
    deleteOnTermination: attachment?.DeleteOnTermination ?? false,
  });
}

/** A volume as a mark or an attachment says that it belongs to its machine. */
export function diskOf(
  volume: KnownVolume,
  { device, deleteOnTermination }: Pick<DiskPlan, 'device' | 'deleteOnTermination'>,
): DiskPlan {
  return {
    volumeId: volume.VolumeId,
    device,
    type: volume.VolumeType,
    size: volume.Size,
    ...explicitPerformance(volume),
    deleteOnTermination,
    zone: volume.AvailabilityZone,
    createdAt: volume.CreateTime.getTime(),
  };
}

/**
 * IOPS and throughput where CreateVolume takes them; for gp2 and the HDD types EC2 derives them from the size
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html).
 */
export function explicitPerformance({ VolumeType, Iops, Throughput }: KnownVolume): {
  iops?: number;
  throughput?: number;
} {
  return {
    ...(['gp3', 'io1', 'io2'].includes(VolumeType) && Iops && { iops: Iops }),
    ...(VolumeType === 'gp3' && Throughput && { throughput: Throughput }),
  };
}
