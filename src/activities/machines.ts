import type { EC2Client, Instance, Volume } from '@aws-sdk/client-ec2';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../model/failures';
import { isVolumeId } from '../model/loneVolume';
import { managerOfVolume } from '../model/managers';
import type { VolumeFacts } from '../model/migration';
import { parseOriginalMark } from '../model/migrationMarks';
import { TAG } from '../model/names';
import type { Selector } from '../model/selector';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { instancesById, inventoryActivities, volumesById } from './inventory';
import { readAll, readInstance, readModification } from './sharedReads';

interface Selected {
  instanceIds: string[];
  /** Selected volumes that are attached to nothing. */
  standalone: string[];
}

/** Machines as a migration looks at them before it touches anything. */
export function machineActivities(deps: ActivityDeps) {
  const { aws } = deps;

  return {
    /**
     * The machines that a campaign is about; a volume stands for the machine it is attached to.
     *
     * @throws ApplicationFailure NotFound naming the ids that do not exist
     */
    async selectMachines(asked: {
      target: Target;
      instanceIds?: string[];
      volumeIds?: string[];
      selector?: Selector;
    }): Promise<Selected> {
      const ec2 = aws.ec2(asked.target, 'read');
      const instanceIds = new Set<string>(
        await existingInstances(ec2, asked.target, asked.instanceIds ?? []),
      );
      const volumeIds = [...(asked.volumeIds ?? [])];
      if (asked.selector) {
        for (let cursor: string | undefined; ;) {
          const page = await inventoryActivities(deps).listUnits({
            target: asked.target,
            selector: asked.selector,
            cursor,
          });
          for (const { kind, resourceId } of page.units) {
            if (kind === 'instance') instanceIds.add(resourceId);
            else volumeIds.push(resourceId);
          }
          cursor = page.cursor;
          if (cursor === undefined) break;
        }
      }
      const standalone = await holdersOf(ec2, asked.target, volumeIds, instanceIds);
      return { instanceIds: [...instanceIds], standalone };
    },

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

async function existingInstances(ec2: EC2Client, target: Target, ids: string[]): Promise<string[]> {
  const found = new Set<string>();
  for await (const { InstanceId = '', State } of instancesById(ec2, ids)) {
    if (State?.Name !== 'terminated') found.add(InstanceId);
  }
  requireAll('instanceIds', target, ids, found);
  return ids;
}

/** Adds the machines of attached volumes; returns the volumes that have none. */
async function holdersOf(
  ec2: EC2Client,
  target: Target,
  ids: string[],
  instanceIds: Set<string>,
): Promise<string[]> {
  const found = new Set<string>();
  const standalone: string[] = [];
  for await (const { VolumeId = '', Attachments = [], Tags } of volumesById(ec2, ids)) {
    found.add(VolumeId);
    // An original that a migration has detached still belongs to its machine.
    const original = parseOriginalMark(tagMap(Tags)[TAG.original] ?? '');
    const holder = Attachments[0]?.InstanceId ?? original?.instanceId;
    if (holder && !isVolumeId(holder)) instanceIds.add(holder);
    else standalone.push(VolumeId);
  }
  requireAll('volumeIds', target, ids, found);
  return standalone;
}

function requireAll(field: string, target: Target, ids: string[], found: ReadonlySet<string>): void {
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length === 0) return;
  throw ApplicationFailure.nonRetryable(
    `${field}: ${missing.join(', ')} not found in ${targetKey(target)}; correct the ids, or name their account and region as target`,
    FAILURE.notFound,
  );
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
