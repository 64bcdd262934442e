import type { ApplicationFailure } from '@temporalio/common';
import {
  AttachVolumeCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  type EC2Client,
  type VolumeAttachment,
} from '@aws-sdk/client-ec2';
import { conflict, finalFailure, notFound, notYetVisible } from '../../aws/applicationFailures';
import { awaitAll } from '../../model/awaitAll';
import { valueAt } from '../../model/group';
import { FAILURE } from '../../model/failures';
import { targetKey, type Target } from '../../model/target';
import { DEFAULT_SETTINGS, type ActivityDeps } from '../support/deps';
import { isOverdue } from '../support/gone';
import type { KnownVolume } from '../support/known';
import { explicitPerformance } from './facts';
import { lookUntil, LookRhythm } from '../support/pace/rhythm';
import { readAll, readVolume } from '../support/sharedReads';
import { WatchedVolumes } from './watchedVolumes';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';

interface Detachment {
  target: Target;
  instanceId: string;
  volumeIds: string[];
}

interface Attachments {
  target: Target;
  instanceId: string;
  /** By volume. */
  devices: Record<string, string>;
}

interface AwaitedVolumes {
  target: Target;
  volumeIds: string[];
  state: 'available' | 'attached';
}

interface SetDeleteOnTerminationRequest {
  target: Target;
  instanceId: string;
  disks: DiskPlan[];
}

/** Volumes: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes.html */
export function volumeActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  const { pollMs } = settings;
  const rhythms = { available: new LookRhythm(pollMs, 0.6), attached: new LookRhythm(pollMs, 0.6) };

  /** The volumes as they were when they had reached the state. */
  async function awaitState(
    { target, volumeIds, state }: AwaitedVolumes,
    kmsKeyArn?: string,
  ): Promise<Map<string, KnownVolume>> {
    const ec2 = aws.ec2(target, 'read');
    const reached = new Map<string, KnownVolume>();
    const open = () => volumeIds.filter((id) => !reached.has(id));
    if (volumeIds.length === 0) return reached;
    const watched = new WatchedVolumes(deps, target, kmsKeyArn);
    const areAllThere = async () => {
      const volumes = await readAll(open(), (id) => readVolume(ec2, id));
      await watched.requireAlive(open(), volumes);
      for (const volume of volumes) if (isIn(volume, state)) reached.set(volume.VolumeId, volume);
      return open().length === 0;
    };
    await lookUntil(rhythms[state], pollMs, areAllThere, () => ({ waitingFor: open() }));
    return reached;
  }

  return {
    /**
     * Waits until all volumes are in the state; `available` also means detached.
     *
     * @throws ApplicationFailure ResourceFailed when one of them is in error or not there any more
     */
    async awaitVolumes({ target, volumeIds, state }: AwaitedVolumes): Promise<void> {
      await awaitState({ target, volumeIds, state });
    },

    /**
     * Waits until the new volumes exist, and checks, before anything is detached, that each is its original's equal
     * but for the encryption.
     *
     * @throws ApplicationFailure ResourceFailed naming what differs, or what is not there and what its key has to do with that
     */
    async awaitReplacements({
      plan,
      replacements,
    }: {
      plan: MovePlan;
      replacements: Record<string, string>;
    }): Promise<void> {
      const volumeIds = Object.values(replacements);
      const asked = { target: plan.target, volumeIds, state: 'available' } as const;
      const volumes = await awaitState(asked, plan.kmsKeyArn);
      const differences = plan.disks.flatMap((disk) => {
        const volume = valueAt(volumes, replacements[disk.volumeId]);
        return volume ? differencesOf(plan, disk, volume) : `nothing replaces ${disk.volumeId}`;
      });
      if (differences.length === 0) return;
      throw finalFailure(
        FAILURE.resourceFailed,
        `the new volumes are not what was asked for: ${differences.join('; ')}`,
      );
    },

    /** Detaches those of the volumes that are attached to the machine; never by force. */
    async ensureDetached({ target, instanceId, volumeIds }: Detachment): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      await awaitAll(
        volumeIds.map(async (volumeId) => {
          const detach = new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId });
          await ec2.send(detach).catch(async (error: unknown) => {
            if (!isRefusal(error)) throw error;
            const attachment = attachmentOf(await readVolume(ec2, volumeId));
            if (!attachment || attachment.State === 'detaching') return;
            throw attachment.InstanceId === instanceId ? error : foreign(volumeId, attachment.InstanceId);
          });
        }),
      );
    },

    /** Attaches each volume at its device, unless it is attached just there. */
    async ensureAttached({ target, instanceId, devices }: Attachments): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      await awaitAll(
        Object.entries(devices).map(async ([volumeId, device]) => {
          const attach = new AttachVolumeCommand({
            VolumeId: volumeId,
            InstanceId: instanceId,
            Device: device,
          });
          await ec2.send(attach).catch(async (error: unknown) => {
            if (!isRefusal(error)) throw error;
            const attachment = attachmentOf(await requireVolume(ec2, target, volumeId, settings));
            if (attachment && attachment.InstanceId !== instanceId)
              throw foreign(volumeId, attachment.InstanceId);
            if (attachment?.Device !== device || attachment.State === 'detaching') throw error;
          });
        }),
      );
    },

    /** EC2 forgets DeleteOnTermination at every attach: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html */
    async setDeleteOnTermination({
      target,
      instanceId,
      disks,
    }: SetDeleteOnTerminationRequest): Promise<void> {
      const BlockDeviceMappings = disks.map(({ device, deleteOnTermination }) => ({
        DeviceName: device,
        Ebs: { DeleteOnTermination: deleteOnTermination },
      }));
      await aws
        .ec2(target, 'migrate')
        .send(new ModifyInstanceAttributeCommand({ InstanceId: instanceId, BlockDeviceMappings }));
    },
  };
}

function isIn({ State, Attachments = [] }: KnownVolume, state: 'available' | 'attached'): boolean {
  return state === 'available'
    ? State === 'available'
    : Attachments.some((attachment) => attachment.State === 'attached');
}

function differencesOf(plan: MovePlan, disk: DiskPlan, volume: KnownVolume): string[] {
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

export function foreign(volumeId: string, holder: string | undefined): ApplicationFailure {
  return conflict(
    `${volumeId} is attached to ${holder}: somebody else has taken it meanwhile; detach it there`,
  );
}

export function attachmentOf(volume: KnownVolume | undefined): VolumeAttachment | undefined {
  return volume?.Attachments?.find(({ State }) => State !== 'detached');
}

/**
 * EC2 refuses to attach what is attached, and to detach what is not: only then does somebody have to look. And where it
 * is denied, because what is as it should be needs no permission.
 */
export function isRefusal(error: unknown): boolean {
  const names =
    /^(VolumeInUse|IncorrectState|InvalidAttachment\.NotFound|InvalidVolume\.NotFound|UnauthorizedOperation)$/;
  return error instanceof Error && names.test(error.name);
}

/** The volume; one that was made a moment ago may not show yet, and one that has not shown for long is gone. */
export async function requireVolume(
  ec2: EC2Client,
  target: Target,
  volumeId: string,
  settings = DEFAULT_SETTINGS,
): Promise<KnownVolume> {
  const volume = await readVolume(ec2, volumeId);
  if (volume) return volume;
  if (isOverdue(settings))
    throw notFound(
      `${volumeId} in ${targetKey(target)} is not there any more: somebody has deleted it, or EC2 could not use its key`,
    );
  throw notYetVisible(
    `${volumeId} in ${targetKey(target)} does not show; it was made a moment ago, or somebody has deleted it`,
  );
}
