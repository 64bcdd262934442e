import { ApplicationFailure } from '@temporalio/common';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Volume,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../model/failures';
import type { DiskPlan, InterruptedMigration, MachinePlan } from '../model/migration';
import {
  formatMachineMark,
  formatOriginalMark,
  keptBy,
  parseMachineMark,
  parseOriginalMark,
  type MarkPhase,
} from '../model/migrationMarks';
import { TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { attachedVolumeIds } from './inventory';
import { explicitPerformance, requireInstance } from './machines';

/**
 * Marks are what survives a terminated workflow: tags on the machine and on its original volumes that say how each
 * was attached. They are written before the stop, and read by the next run.
 */
export function markActivities({ aws }: ActivityDeps) {
  return {
    /** Originals first: the machine's mark says that all of them are marked. */
    async markMachine({
      plan,
      migrationId,
      phase,
    }: {
      plan: MachinePlan;
      migrationId: string;
      phase: MarkPhase;
    }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      if (phase === 'swap') {
        for (const disk of plan.disks)
          await tag(ec2, disk.volumeId, TAG.original, formatOriginalMark(migrationId, plan.instanceId, disk));
      }
      await tag(ec2, plan.instanceId, TAG.migration, formatMachineMark(migrationId, plan.wasRunning, phase));
    },

    /** The machine's mark goes last: without it nothing looks for the others. */
    async unmarkMachine({
      plan,
      replacements,
    }: {
      plan: MachinePlan;
      replacements: string[];
    }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const originals = await present(
        ec2,
        plan.disks.map(({ volumeId }) => volumeId),
      );
      if (originals.length > 0) await untag(ec2, originals, [TAG.original, TAG.cloneClaim]);
      const remaining = await present(ec2, replacements);
      if (remaining.length > 0) await untag(ec2, remaining, [TAG.migration, TAG.replaces]);
      await untag(ec2, [plan.instanceId], [TAG.migration]);
    },

    /** What a terminated migration of this machine left; nothing in nearly every run. */
    async findInterrupted({
      target,
      instanceId,
      kmsKeyArn,
    }: {
      target: Target;
      instanceId: string;
      kmsKeyArn: string;
    }): Promise<InterruptedMigration | undefined> {
      const ec2 = aws.ec2(target, 'read');
      const instance = await requireInstance(ec2, target, instanceId);
      const mark = parseMachineMark(tagMap(instance.Tags)[TAG.migration] ?? '');
      if (!mark) return undefined;
      const { migrationId, wasRunning, phase } = mark;
      const originals = await tagged(ec2, TAG.original, `${migrationId} *`);
      const made = await tagged(ec2, TAG.migration, migrationId);
      const replacements = replacementMap(made);
      const attached = new Set(attachedVolumeIds(instance));
      const disks = originals.map(markedDisk);
      // Before the stop no original is marked.
      if (disks.length === 0 && phase !== 'rest') {
        throw ApplicationFailure.nonRetryable(
          `${instanceId} carries the mark of migration ${migrationId}, but none of its volumes does: check that its volumes are the right ones, then remove the tag ${TAG.migration}`,
          FAILURE.notMigratable,
        );
      }
      const swapped =
        disks.length > 0 && disks.every(({ volumeId }) => attached.has(replacements[volumeId] ?? ''));
      if (phase === 'soak' && !swapped) await requireKept(ec2, target, instanceId, migrationId);
      return {
        migrationId,
        phase,
        replacements,
        createdAt: earliest(made),
        swapped,
        drained: (instance.Tags ?? []).some(({ Key }) => Key?.startsWith(TAG.targetsPrefix)),
        plan: {
          target,
          instanceId,
          wasRunning,
          rootDevice: instance.RootDeviceName ?? '',
          // That migration's key, which need not be the one that this run was asked for.
          kmsKeyArn: made[0]?.KmsKeyId ?? kmsKeyArn,
          disks,
          untouchedData: [],
        },
      };
    },

    /** The new volumes that a migration made, by the original's id; found by tag, because an answer may be lost. */
    async replacementsOf({
      target,
      migrationId,
    }: {
      target: Target;
      migrationId: string;
    }): Promise<Record<string, string>> {
      return replacementMap(await tagged(aws.ec2(target, 'read'), TAG.migration, migrationId));
    },

    /**
     * Checks that the machine is as the plan saw it: the same volumes at the same devices, running or not as given.
     * Others act on it too.
     *
     * @throws ApplicationFailure Conflict naming what differs
     */
    async requireAsPlanned({ plan, running }: { plan: MachinePlan; running: boolean }): Promise<void> {
      const instance = await requireInstance(aws.ec2(plan.target, 'read'), plan.target, plan.instanceId);
      const now = new Map(
        (instance.BlockDeviceMappings ?? []).map(({ DeviceName = '', Ebs }) => [DeviceName, Ebs]),
      );
      const differences = plan.disks.flatMap((disk) => {
        const is = now.get(disk.device);
        if (is?.VolumeId !== disk.volumeId)
          return `${disk.device} holds ${is?.VolumeId ?? 'nothing'} instead of ${disk.volumeId}`;
        return is.DeleteOnTermination === disk.deleteOnTermination
          ? []
          : `DeleteOnTermination of ${disk.device} differs`;
      });
      const isUp = instance.State?.Name === 'running' || instance.State?.Name === 'pending';
      if (isUp !== running) differences.push(`it is ${instance.State?.Name}`);
      if (differences.length === 0) return;
      throw ApplicationFailure.nonRetryable(
        `${plan.instanceId} is not as it was planned for: ${differences.join('; ')}`,
        FAILURE.conflict,
      );
    },
  };
}

async function tag(ec2: EC2Client, id: string, Key: string, Value: string): Promise<void> {
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
}

async function untag(ec2: EC2Client, Resources: string[], keys: string[]): Promise<void> {
  await ec2.send(new DeleteTagsCommand({ Resources, Tags: keys.map((Key) => ({ Key })) }));
}

async function present(ec2: EC2Client, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { Volumes = [] } = await ec2.send(
    new DescribeVolumesCommand({ Filters: [{ Name: 'volume-id', Values: ids }] }),
  );
  return Volumes.flatMap(({ VolumeId }) => VolumeId ?? []);
}

async function tagged(ec2: EC2Client, key: string, value: string): Promise<Volume[]> {
  const { Volumes = [] } = await ec2.send(
    new DescribeVolumesCommand({ Filters: [{ Name: `tag:${key}`, Values: [value] }] }),
  );
  return Volumes;
}

/** New volumes hold writes of their own; they may go only when a rollback has kept those. */
async function requireKept(
  ec2: EC2Client,
  target: Target,
  instanceId: string,
  migrationId: string,
): Promise<void> {
  const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values: [keptBy(migrationId)] }];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters }));
  if (Snapshots.length > 0) return;
  throw ApplicationFailure.nonRetryable(
    `${instanceId} in ${targetKey(target)} ran on the new volumes of migration ${migrationId}, and somebody has detached one of them: attach it again, or take a snapshot of it and remove the tag ${TAG.migration} from the instance`,
    FAILURE.notMigratable,
  );
}

function earliest(volumes: readonly Volume[]): number {
  return Math.min(...volumes.map(({ CreateTime }) => CreateTime?.getTime() ?? 0));
}

function replacementMap(made: readonly Volume[]): Record<string, string> {
  return Object.fromEntries(
    made.map(({ VolumeId = '', Tags }) => [tagMap(Tags)[TAG.replaces] ?? '', VolumeId]),
  );
}

function markedDisk(volume: Volume): DiskPlan {
  const mark = parseOriginalMark(tagMap(volume.Tags)[TAG.original] ?? '');
  return {
    volumeId: volume.VolumeId ?? '',
    device: mark?.device ?? '',
    deleteOnTermination: mark?.deleteOnTermination ?? false,
    type: volume.VolumeType ?? 'gp2',
    size: volume.Size ?? 0,
    ...explicitPerformance(volume),
    zone: volume.AvailabilityZone ?? '',
    createdAt: volume.CreateTime?.getTime() ?? 0,
  };
}
