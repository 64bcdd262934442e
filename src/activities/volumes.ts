import { Context, sleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  AttachVolumeCommand,
  DeleteVolumeCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  type EC2Client,
  type Volume,
} from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { FAILURE } from '../model/failures';
import { parseOriginalMark, type DiskPlan, type MovePlan } from '../model/migration';
import { TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { explicitPerformance } from './machines';

interface Attachment {
  target: Target;
  instanceId: string;
  volumeId: string;
  device: string;
}

/** Volumes: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes.html */
export function volumeActivities({ aws, settings }: ActivityDeps) {
  return {
    /**
     * Waits until all volumes are in the state; `available` also means detached.
     *
     * @throws ApplicationFailure ResourceFailed when one of them is in error
     */
    async awaitVolumes({
      target,
      volumeIds,
      state,
    }: {
      target: Target;
      volumeIds: string[];
      state: 'available' | 'attached';
    }): Promise<void> {
      const ec2 = aws.ec2(target, 'read');
      for (let open = volumeIds; open.length > 0;) {
        Context.current().heartbeat({ waitingFor: open });
        const Filters = [{ Name: 'volume-id', Values: open }];
        const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
        const broken = Volumes.find((volume) => volume.State === 'error');
        if (broken) {
          throw ApplicationFailure.nonRetryable(
            `volume ${broken.VolumeId} in ${targetKey(target)} is in error; its key may not be usable`,
            FAILURE.resourceFailed,
          );
        }
        const reached = new Set(
          Volumes.filter((volume) => isIn(volume, state)).map(({ VolumeId }) => VolumeId),
        );
        open = open.filter((id) => !reached.has(id));
        if (open.length > 0) await sleep(settings.pollMs);
      }
    },

    /**
     * Checks, before anything is detached, that each new volume is its original's equal but for the encryption.
     *
     * @throws ApplicationFailure ResourceFailed naming what differs
     */
    async requireEqualVolumes({
      plan,
      replacements,
    }: {
      plan: MovePlan;
      replacements: Record<string, string>;
    }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      const differences: string[] = [];
      for (const disk of plan.disks) {
        const volume = await requireVolume(ec2, plan.target, replacements[disk.volumeId] ?? '');
        differences.push(...differencesOf(plan, disk, volume));
      }
      if (differences.length === 0) return;
      throw ApplicationFailure.nonRetryable(
        `the new volumes are not what was asked for: ${differences.join('; ')}`,
        FAILURE.resourceFailed,
      );
    },

    /** Detaches the volume from the machine if it is attached there; never by force. */
    async ensureDetached({ target, instanceId, volumeId }: Omit<Attachment, 'device'>): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const volume = await findVolume(ec2, volumeId);
      const attachment = volume?.Attachments?.find(({ State }) => State !== 'detached');
      if (!attachment || attachment.State === 'detaching') return;
      if (attachment.InstanceId !== instanceId) throw foreign(volumeId, attachment.InstanceId);
      await ec2.send(new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId }));
    },

    /** Attaches the volume at the device, unless it is attached just there. */
    async ensureAttached({ target, instanceId, volumeId, device }: Attachment): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const volume = await requireVolume(ec2, target, volumeId);
      const attachment = volume.Attachments?.find(
        ({ State }) => State === 'attached' || State === 'attaching',
      );
      if (attachment?.InstanceId === instanceId && attachment.Device === device) return;
      if (attachment && attachment.InstanceId !== instanceId) throw foreign(volumeId, attachment.InstanceId);
      await ec2.send(new AttachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId, Device: device }));
    },

    /** EC2 forgets DeleteOnTermination at every attach: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html */
    async setDeleteOnTermination({
      target,
      instanceId,
      disks,
    }: {
      target: Target;
      instanceId: string;
      disks: DiskPlan[];
    }): Promise<void> {
      const BlockDeviceMappings = disks.map(({ device, deleteOnTermination }) => ({
        DeviceName: device,
        Ebs: { DeleteOnTermination: deleteOnTermination },
      }));
      await aws
        .ec2(target, 'migrate')
        .send(new ModifyInstanceAttributeCommand({ InstanceId: instanceId, BlockDeviceMappings }));
    },

    /** Deletes the volumes that a migration made and that are attached to nothing. */
    async deleteReplacements({
      target,
      migrationId,
    }: {
      target: Target;
      migrationId: string;
    }): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const Filters = [
        { Name: `tag:${TAG.migration}`, Values: [migrationId] },
        { Name: 'tag-key', Values: [TAG.replaces] },
      ];
      const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
      for (const { VolumeId = '' } of Volumes) await deleteVolume(ec2, VolumeId);
    },

    /**
     * Deletes originals at the commit point. Its own mark, the recorded id, the time it was created and that nothing
     * holds it must all agree: this is the one place where data that Holdfast did not make is deleted.
     */
    async deleteOriginals({ plan, migrationId }: { plan: MovePlan; migrationId: string }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      for (const disk of plan.disks) {
        const volume = await findVolume(ec2, disk.volumeId);
        if (!volume) continue;
        const mark = parseOriginalMark(tagMap(volume.Tags)[TAG.original] ?? '');
        const isOurs =
          mark?.migrationId === migrationId &&
          mark.instanceId === (plan.instanceId ?? disk.volumeId) &&
          volume.CreateTime?.getTime() === disk.createdAt;
        if (!isOurs || volume.State !== 'available' || volume.KmsKeyId === plan.kmsKeyArn) {
          throw ApplicationFailure.nonRetryable(
            `${disk.volumeId} is not the detached original${plan.instanceId ? ` of ${plan.instanceId}` : ''} any more; it is left alone: delete it by hand if it is not needed`,
            FAILURE.conflict,
          );
        }
        await deleteVolume(ec2, disk.volumeId);
      }
    },
  };
}

function isIn({ State, Attachments = [] }: Volume, state: 'available' | 'attached'): boolean {
  return state === 'available'
    ? State === 'available'
    : Attachments.some((attachment) => attachment.State === 'attached');
}

function differencesOf(plan: MovePlan, disk: DiskPlan, volume: Volume): string[] {
  const performance = explicitPerformance(volume);
  const pairs: [string, unknown, unknown][] = [
    ['encrypted', true, volume.Encrypted],
    ['key', plan.kmsKeyArn, volume.KmsKeyId],
    ['type', disk.type, volume.VolumeType],
    ['size', disk.size, volume.Size],
    ['IOPS', disk.iops, performance.iops],
    ['throughput', disk.throughput, performance.throughput],
    ['zone', disk.zone, volume.AvailabilityZone],
    ['Multi-Attach', disk.multiAttach ?? false, volume.MultiAttachEnabled ?? false],
  ];
  const wrong = pairs.filter(([, wanted, is]) => wanted !== is);
  return wrong.map(
    ([what, wanted, is]) =>
      `${volume.VolumeId} for ${disk.volumeId}: ${what} is ${String(is)} instead of ${String(wanted)}`,
  );
}

function foreign(volumeId: string, holder: string | undefined): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `${volumeId} is attached to ${holder}: somebody else has taken it meanwhile; detach it there`,
    FAILURE.conflict,
  );
}

export async function findVolume(ec2: EC2Client, volumeId: string): Promise<Volume | undefined> {
  const { Volumes = [] } = await ec2.send(
    new DescribeVolumesCommand({ Filters: [{ Name: 'volume-id', Values: [volumeId] }] }),
  );
  return Volumes[0];
}

export async function requireVolume(ec2: EC2Client, target: Target, volumeId: string): Promise<Volume> {
  const volume = await findVolume(ec2, volumeId);
  if (volume) return volume;
  throw ApplicationFailure.retryable(
    `${volumeId} in ${targetKey(target)} does not show; it was made a moment ago, or somebody has deleted it`,
    FAILURE.notYetVisible,
  );
}

async function deleteVolume(ec2: EC2Client, VolumeId: string): Promise<void> {
  try {
    await ec2.send(new DeleteVolumeCommand({ VolumeId }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
