import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { conflict, finalFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { has } from '../../model/group';
import { formatKept } from '../../model/machines/keptVolume';
import type { InterruptedMigration } from '../../model/moves/migration';
import {
  formatMachineMark,
  formatOriginalMark,
  isBeforeStop,
  keptBy,
  parseMachineMark,
  type MarkPhase,
} from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findClaimants, findGoneOriginals } from './goneOriginals';
import { attachedDisk, hasRunOn, isUp, findMovedVolumes } from './interrupted';
import { requireInstance } from '../machines/facts';
import { findNamedStaged } from './ownSnapshots';
import { findAllProvenVolumes } from './ownVolumes';
import { readAll, readVolume } from '../support/sharedReads';
import { isWhole } from './staging';
import { tagMap } from '../support/tags';
import { told, type KnownInstance, type KnownVolume } from '../support/known';
import { attachedVolumeIds, findSnapshots, findVolumes } from '../support/reads';
import { unlessGone } from '../support/unlessGone';
import type { MachinePlan } from '../../model/machines/facts';

interface MarkMachineRequest {
  plan: MachinePlan;
  migrationId: string;
  phase: MarkPhase;
  /** Runs that have gone back with it, this one last. */
  goingBack?: string[];
}

interface NameReplacementsRequest {
  plan: MachinePlan;
  migrationId: string;
  replacements: Record<string, string>;
}

interface FindInterruptedRequest {
  target: Target;
  instanceId: string;
  kmsKeyArn: string;
}

interface MarkLeftRequest {
  target: Target;
  migrationId: string;
  volumeIds: string[];
}

/**
 * Marks are what survives a terminated workflow: tags on the machine and on its original volumes that say how each
 * was attached. They are written before the stop, and read by the next run.
 */
export function markActivities({ aws, settings }: ActivityDeps) {
  return {
    /** Originals first: the machine's mark says that all of them are marked. */
    async markMachine({ plan, migrationId, phase, goingBack }: MarkMachineRequest): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      if (phase === 'swap') {
        for (const disk of plan.disks)
          await tag(ec2, disk.volumeId, TAG.original, formatOriginalMark(migrationId, plan.instanceId, disk));
      }
      const mark = { migrationId, wasRunning: plan.wasRunning, phase, ...(goingBack && { goingBack }) };
      await tag(ec2, plan.instanceId, TAG.migration, formatMachineMark(plan.instanceId, mark));
    },

    /** Each original names its new volume before that is attached: a later run knows it by that, and not by its tags. */
    async nameReplacements({ plan, migrationId, replacements }: NameReplacementsRequest): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      for (const disk of plan.disks) {
        const mark = formatOriginalMark(migrationId, plan.instanceId, disk, replacements[disk.volumeId]);
        await tag(ec2, disk.volumeId, TAG.original, mark);
      }
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
      const originals = await findPresent(
        ec2,
        plan.disks.map(({ volumeId }) => volumeId),
      );
      if (originals.length > 0) await untag(ec2, originals, [TAG.original, TAG.cloneClaim, TAG.staged]);
      const remaining = await findPresent(ec2, replacements);
      if (remaining.length > 0) await untag(ec2, remaining, [TAG.migration, TAG.replaces, TAG.staged]);
      // A machine that is terminated needs no mark.
      await unlessGone(untag(ec2, [plan.instanceId], [TAG.migration, TAG.staged]));
    },

    /**
     * What a terminated migration of this machine left; nothing in nearly every run.
     *
     * @throws ApplicationFailure AmbiguousOwner where two volumes seem to be one original
     */
    async findInterrupted({
      target,
      instanceId,
      kmsKeyArn,
    }: FindInterruptedRequest): Promise<InterruptedMigration | undefined> {
      const ec2 = aws.ec2(target, 'read');
      const instance = await requireInstance(ec2, target, instanceId);
      const mark = parseMachineMark(tagMap(instance.Tags)[TAG.migration], instanceId);
      if (!mark) return undefined;
      const { migrationId, wasRunning, phase, goingBack } = mark;
      const moved = await findMovedVolumes(ec2, instance, migrationId);
      const isSoaking = phase === 'soak' && !goingBack;
      const gone = isSoaking ? await findGoneOriginals(settings, ec2, instance, migrationId) : undefined;
      const disks = [...moved.originals, ...(gone?.disks ?? [])];
      const replacements = { ...moved.replacements, ...gone?.replacements };
      // Before the stop no original is marked, and after a commit none is there.
      const isOver = !isBeforeStop(phase) && disks.length === 0;
      if (isOver) await requireNoneUnmarked(ec2, instance, migrationId);
      const inPlace = await readAll(attachedVolumeIds(instance), (id) => readVolume(ec2, id));
      // The last mark of one that is over, or one that has staged something and stopped nothing.
      if (isOver || isBeforeStop(phase))
        disks.push(...inPlace.map((volume) => attachedDisk(volume, instanceId)));
      const originalIds = disks.map(({ volumeId }) => volumeId);
      const staged = await findNamedStaged(ec2, [instance, ...inPlace], migrationId, originalIds);
      const made = await readAll(Object.values(replacements), (id) => readVolume(ec2, id));
      const attached = new Set(attachedVolumeIds(instance));
      const swapped =
        disks.length > 0 && disks.every(({ volumeId }) => has(attached, replacements[volumeId]));
      if (isSoaking && !isOver && !swapped)
        await requireKept(ec2, target, instanceId, migrationId, moved.named);
      return {
        migrationId,
        phase: isOver ? 'rest' : phase,
        ...(goingBack && { goingBack }),
        replacements,
        unclear: [...moved.unclear, ...(gone?.unclear ?? [])],
        ...(gone && gone.disks.length > 0 && { gone: gone.disks.map(({ volumeId }) => volumeId) }),
        ...(gone && gone.committed.length > 0 && { committed: gone.committed }),
        ...(staged && { staged }),
        named: moved.named,
        ...(hasRunOn(instance, made) && { mayHaveWritten: true }),
        createdAt: earliest(made),
        swapped,
        drained: (instance.Tags ?? []).some(({ Key }) => Key?.startsWith(TAG.targetsPrefix)),
        plan: {
          target,
          instanceId,
          // Nobody but its people has stopped or started it since.
          wasRunning: isOver || isBeforeStop(phase) ? isUp(instance) : wasRunning,
          rootDevice: told(instance, instanceId, 'RootDeviceName').RootDeviceName,
          // That migration's key, which need not be the one that this run was asked for.
          kmsKeyArn: made[0]?.KmsKeyId ?? kmsKeyArn,
          disks,
          untouchedData: [],
        },
      };
    },

    /** New volumes that a rollback leaves: they say so themselves, so that no selection takes them for the fleet's. */
    async markLeft({ target, migrationId, volumeIds }: MarkLeftRequest): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      for (const volumeId of await findPresent(ec2, volumeIds))
        await tag(ec2, volumeId, TAG.kept, formatKept(migrationId, volumeId));
    },

    /**
     * Checks, before the undo of a run that has swapped nothing, that no other run of the same migration has: the one that a reset has
     * ended.
     *
     * @throws ApplicationFailure Conflict; nothing was changed
     */
    async requireNotSwapped({
      plan,
      migrationId,
    }: {
      plan: MachinePlan;
      migrationId: string;
    }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      const instance = await requireInstance(ec2, plan.target, plan.instanceId);
      const mark = parseMachineMark(tagMap(instance.Tags)[TAG.migration], plan.instanceId);
      const isFurther =
        mark?.migrationId === migrationId && !isBeforeStop(mark.phase) && mark.phase !== 'swap';
      const inPlace = (await findClaimants(ec2, instance, migrationId)).map(({ VolumeId }) => VolumeId);
      if (!isFurther && inPlace.length === 0) return;
      throw conflict(
        `${plan.instanceId} in ${targetKey(plan.target)} has the new volumes of migration ${migrationId} already (${inPlace.join(', ') || mark?.phase}), and this run does not know of it: was it reset? Nothing was undone; start the migration of the machine again, and that run takes it over`,
      );
    },

    /**
     * Of runs that 0.1.0 began: the new volumes that a migration made, by the original's id. Later runs know them by what
     * EC2 answered, or by `findOwnVolumes`.
     *
     * @throws ApplicationFailure AmbiguousOwner where two seem to replace one
     */
    async replacementsOf({
      target,
      migrationId,
    }: {
      target: Target;
      migrationId: string;
    }): Promise<Record<string, string>> {
      return findAllProvenVolumes(aws.ec2(target, 'read'), migrationId);
    },

    /**
     * Checks that the machine is as the plan saw it: the same volumes at the same devices, running or not as given.
     * Others act on it too.
     *
     * @param running left out where only others can have stopped or started it
     * @throws ApplicationFailure Conflict naming what differs
     */
    async requireAsPlanned({ plan, running }: { plan: MachinePlan; running?: boolean }): Promise<void> {
      const instance = await requireInstance(aws.ec2(plan.target, 'read'), plan.target, plan.instanceId);
      const now = new Map(
        (instance.BlockDeviceMappings ?? []).map(({ DeviceName, Ebs }) => [DeviceName, Ebs]),
      );
      const differences = plan.disks.flatMap((disk) => {
        const is = now.get(disk.device);
        if (is?.VolumeId !== disk.volumeId)
          return `${disk.device} holds ${is?.VolumeId ?? 'nothing'} instead of ${disk.volumeId}`;
        return is.DeleteOnTermination === disk.deleteOnTermination
          ? []
          : `DeleteOnTermination of ${disk.device} differs`;
      });
      if (running !== undefined && isUp(instance) !== running)
        differences.push(`it is ${instance.State.Name}`);
      if (differences.length === 0) return;
      throw conflict(`${plan.instanceId} is not as it was planned for: ${differences.join('; ')}`);
    },
  };
}

async function tag(ec2: EC2Client, id: string, Key: string, Value: string): Promise<void> {
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
}

async function untag(ec2: EC2Client, Resources: string[], keys: string[]): Promise<void> {
  await ec2.send(new DeleteTagsCommand({ Resources, Tags: keys.map((Key) => ({ Key })) }));
}

async function findPresent(ec2: EC2Client, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const volumes = await findVolumes(ec2, [{ Name: 'volume-id', Values: ids }], ids);
  return volumes.map(({ VolumeId }) => VolumeId);
}

/** New volumes hold writes of their own; they may go only when a rollback has kept those. */
async function requireKept(
  ec2: EC2Client,
  target: Target,
  instanceId: string,
  migrationId: string,
  named: Record<string, string>,
): Promise<void> {
  const keptId = keptBy(migrationId);
  const Filters = [{ Name: `tag:${TAG.recoveryPoint}`, Values: [keptId] }];
  const kept = (await findSnapshots(ec2, Filters)).filter(isWhole(keptId)).map(({ VolumeId }) => VolumeId);
  const volumeIds = Object.values(named);
  // 0.1.0 names no new volumes, and those of a rollback that was nearly over are gone.
  if (volumeIds.length > 0 ? volumeIds.every((id) => kept.includes(id)) : kept.length > 0) return;
  throw finalFailure(
    FAILURE.notMigratable,
    `${instanceId} in ${targetKey(target)} ran on the new volumes of migration ${migrationId}, and somebody has detached one of them: attach it again, or take a snapshot of it and remove the tag ${TAG.migration} from the instance`,
  );
}

/** An original that is there and has lost its mark: whoever goes on without it leaves it behind. */
async function requireNoneUnmarked(
  ec2: EC2Client,
  instance: KnownInstance,
  migrationId: string,
): Promise<void> {
  const claiming = await findClaimants(ec2, instance, migrationId);
  const replaced = claiming.flatMap(({ Tags }) => tagMap(Tags)[TAG.replaces] ?? []);
  const [unmarked] = await findPresent(ec2, replaced);
  if (unmarked === undefined) return;
  throw finalFailure(
    FAILURE.notMigratable,
    `${instance.InstanceId} carries the mark of migration ${migrationId}, but its original ${unmarked} does not: check that its volumes are the right ones, then remove the tag ${TAG.migration}`,
  );
}

function earliest(volumes: readonly KnownVolume[]): number {
  return Math.min(...volumes.map(({ CreateTime }) => CreateTime.getTime()));
}
