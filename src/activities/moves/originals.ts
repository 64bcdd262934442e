import type { EC2Client } from '@aws-sdk/client-ec2';
import { Context } from '@temporalio/activity';
import { conflict } from '../../aws/applicationFailures';
import { groupBy, valueAt } from '../../model/group';
import { parseOriginalMark } from '../../model/machines/marks';
import { ownDescription, TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findGoneVolumes } from './goneOriginals';
import { describeKey, keyUnusable, requireUsableKey, whyUnusable } from '../keys/checks';
import { keyProbeActivities } from '../keys/probes';
import { findAllProvenVolumes, deleteVolume, isStagedFrom } from './ownVolumes';
import { requireInstance } from '../machines/facts';
import { snapshotsById } from '../points/recoveryPoints';
import { readAll, readVolume } from '../support/sharedReads';
import { findSnapshotsByTag } from './staging';
import { isDenied } from '../support/unlessDenied';
import { attachmentOf } from '../machines/volumes';
import { tagMap } from '../support/tags';
import { attachedVolumeIds } from '../support/reads';
import { COPY_VOLUME } from '../../model/points/copyVolume';
import type { DiskPlan, MachinePlan, MovePlan } from '../../model/machines/facts';
import { keyOf, type KnownSnapshot, type KnownVolume } from '../support/known';

interface OfMove {
  plan: MovePlan;
  migrationId: string;
}

/** What has taken the place of each original, by its id. */
export interface Substitutes {
  /** The new volume. */
  volumes: Record<string, string>;
  /** The completed encrypted snapshot of its last moment. */
  snapshots: Record<string, string>;
}

/**
 * The volumes that a move has replaced, and keeps until its commit. This is the one place where data that Holdfast did not
 * make is deleted.
 */
export function originalActivities(deps: ActivityDeps) {
  const { aws } = deps;

  /** All are asked before the first is deleted: nothing is, while anything that the plan relied on does not hold. */
  async function deleteAll({ plan, migrationId }: OfMove, substitutes: Substitutes): Promise<void> {
    const ec2 = aws.ec2(plan.target, 'migrate');
    const { heartbeat } = Context.current();
    const found = await readAll(
      plan.disks.map(({ volumeId }) => volumeId),
      (id) => readVolume(ec2, id),
    );
    const originals = new Map(found.map((volume) => [volume.VolumeId, volume]));
    const left = plan.disks.filter(({ volumeId }) => originals.has(volumeId));
    if (left.length === 0) return;
    heartbeat('asking the key');
    await requireKeyStillUsable(deps, plan);
    heartbeat('asking what has taken their places');
    const problems = left.flatMap(({ volumeId, ...disk }) =>
      isKept(plan, migrationId, { volumeId, ...disk }, originals.get(volumeId))
        ? []
        : `${volumeId} is not the detached original${plan.instanceId ? ` of ${plan.instanceId}` : ''} any more, with its tag ${TAG.original}; it is left alone: delete it by hand if it is not needed`,
    );
    problems.push(...(await whyNotSubstituted(ec2, plan, migrationId, left, substitutes)));
    if (problems.length > 0) throw conflict(`nothing was deleted: ${problems.join('; ')}`);
    for (const { volumeId } of left) {
      heartbeat(volumeId);
      await deleteVolume(ec2, volumeId);
    }
  }

  async function requireStartable(
    { target, instanceId, disks }: MachinePlan,
    leaving: string[],
  ): Promise<void> {
    const ec2 = aws.ec2(target, 'read');
    const instance = await requireInstance(ec2, target, instanceId);
    const ids = [...attachedVolumeIds(instance), ...disks.map(({ volumeId }) => volumeId)];
    const staying = [...new Set(ids)].filter((id) => !leaving.includes(id));
    const volumes = await readAll(staying, (id) => readVolume(ec2, id));
    for (const [key, under] of groupBy(volumes, (volume) => keyOf(volume, volume.VolumeId))) {
      if (key === undefined) continue;
      const problem = await findKeyProblem(deps, target, key);
      if (problem === undefined) continue;
      const names = under.map(({ VolumeId }) => VolumeId).join(', ');
      throw keyUnusable(target, key, `${instanceId} could not start again with ${names}: ${problem}`);
    }
  }

  return {
    /**
     * Deletes originals at the commit point. The recorded id, the mark, the time it was created and that nothing holds it
     * must all agree; and what the plan relied on, days ago, is asked again: the key, the new volume in its place, the
     * snapshot of the last moment.
     *
     * @throws ApplicationFailure KeyUnusable or Conflict, with nothing deleted, saying what is not so any more
     */
    async deleteProvenOriginals({
      substitutes,
      ...move
    }: OfMove & { substitutes: Substitutes }): Promise<void> {
      await deleteAll(move, substitutes);
    },

    /** Of runs that 0.1.0 began, which tell no substitutes: they are looked for, and asked the same. */
    async deleteOriginals(move: OfMove): Promise<void> {
      await deleteAll(move, await findSubstitutes(aws.ec2(move.plan.target, 'read'), move));
    },

    /** Of a commit that was refused half-way. What one look does not show is looked for until it is certainly gone. */
    async originalsThere({ plan }: Pick<OfMove, 'plan'>): Promise<string[]> {
      const ids = plan.disks.map(({ volumeId }) => volumeId);
      const gone = await findGoneVolumes(deps.settings, aws.ec2(plan.target, 'read'), ids);
      return ids.filter((id) => !gone.includes(id));
    },

    /**
     * Asks, before a rollback touches the machine, what it relies on: that each original is there, is what it was and is
     * attached to nobody else, and can be read under the key that it has.
     *
     * @throws ApplicationFailure Conflict or KeyUnusable; nothing was changed
     */
    async requireReturnable({ plan }: OfMove): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      const found = await readAll(
        plan.disks.map(({ volumeId }) => volumeId),
        (id) => readVolume(ec2, id),
      );
      const originals = new Map(found.map((volume) => [volume.VolumeId, volume]));
      const problems = plan.disks.flatMap((disk) => {
        const volume = originals.get(disk.volumeId);
        if (!volume) return `${disk.volumeId} is gone`;
        const holder = attachmentOf(volume)?.InstanceId;
        if (holder && holder !== plan.instanceId) return `${disk.volumeId} is attached to ${holder}`;
        const isThere = holder !== undefined || isStill(disk, volume);
        return isThere ? [] : `${disk.volumeId} is ${volume.State}, and not the original that was kept`;
      });
      if (problems.length > 0)
        throw conflict(`the originals cannot be put back: ${problems.join('; ')}; nothing was changed`);
      const keys = found.flatMap(({ KmsKeyId }) => KmsKeyId ?? []);
      for (const key of new Set(keys)) {
        const problem = await findKeyProblem(deps, plan.target, key);
        if (problem) throw keyUnusable(plan.target, key, `the originals are under it, and ${problem}`);
      }
    },

    /**
     * Asks, before a machine is stopped, whether it could start again: EC2 starts none whose volumes' keys it cannot use, while
     * one that runs goes on (https://docs.aws.amazon.com/kms/latest/developerguide/unusable-kms-keys.html). Volumes that stay, and the
     * originals that an undo attaches, count.
     *
     * @throws ApplicationFailure KeyUnusable naming key and volumes; nothing was changed
     */
    async requireStartable({ plan }: { plan: MachinePlan }): Promise<void> {
      await requireStartable(plan, []);
    },

    /** The same for a rollback, whose new volumes are not attached any more when the machine starts. */
    async requireStays({
      plan,
      volumes,
    }: {
      plan: MachinePlan;
      volumes: Record<string, string>;
    }): Promise<void> {
      await requireStartable(plan, Object.values(volumes));
    },

    /** What forbids, for certain, that anything new is made or started under a key; undefined where nothing is known. */
    async keyProblem({
      target,
      kmsKeyArn,
    }: {
      target: Target;
      kmsKeyArn: string;
    }): Promise<string | undefined> {
      return findKeyProblem(deps, target, kmsKeyArn);
    },
  };
}

/** A key that may not be looked at, or is another account's, is not known to be unusable. */
async function findKeyProblem(
  { aws }: ActivityDeps,
  target: Target,
  kmsKeyArn: string,
): Promise<string | undefined> {
  try {
    const key = await describeKey(aws.kms(target, 'read'), kmsKeyArn);
    return key ? whyUnusable(key, target) : 'there is no such key';
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}

/** @throws ApplicationFailure KeyUnusable */
async function requireKeyStillUsable(deps: ActivityDeps, { target, kmsKeyArn }: MovePlan): Promise<void> {
  await requireUsableKey(deps, target, kmsKeyArn);
  await keyProbeActivities(deps).requireKeyUse({ target, kmsKeyArn });
}

/** The volume that the run has recorded, whatever became of its tags. */
function isStill({ createdAt }: DiskPlan, { State, CreateTime }: KnownVolume): boolean {
  return State === 'available' && CreateTime.getTime() === createdAt;
}

function isKept(
  plan: MovePlan,
  migrationId: string,
  { volumeId, createdAt }: DiskPlan,
  volume: KnownVolume | undefined,
): boolean {
  const mark = parseOriginalMark(tagMap(volume?.Tags)[TAG.original], volumeId);
  return (
    mark?.migrationId === migrationId &&
    mark.instanceId === (plan.instanceId ?? volumeId) &&
    volume?.CreateTime.getTime() === createdAt &&
    volume.State === 'available' &&
    volume.KmsKeyId !== plan.kmsKeyArn
  );
}

async function whyNotSubstituted(
  ec2: EC2Client,
  plan: MovePlan,
  migrationId: string,
  disks: readonly DiskPlan[],
  { volumes, snapshots }: Substitutes,
): Promise<string[]> {
  const made = await readAll(
    disks.flatMap(({ volumeId }) => volumes[volumeId] ?? []),
    (id) => readVolume(ec2, id),
  );
  const madeById = new Map(made.map((volume) => [volume.VolumeId, volume]));
  const kept = await snapshotsById(ec2, Object.values(snapshots));
  return disks.flatMap((disk) => {
    const { volumeId } = disk;
    const volume = valueAt(madeById, volumes[volumeId]);
    const snapshot = valueAt(kept, snapshots[volumeId]);
    return [
      ...whyNotInPlace(plan, disk, volume, volumes[volumeId]),
      ...whyNotLastMoment(plan, disk, snapshot, snapshots[volumeId], migrationId),
    ];
  });
}

function whyNotInPlace(
  { instanceId, kmsKeyArn }: MovePlan,
  { volumeId, device }: DiskPlan,
  volume: KnownVolume | undefined,
  id = 'the new volume',
): string[] {
  if (!volume) return [`${id}, which replaces ${volumeId}, is not there any more`];
  if (!volume.Encrypted || volume.KmsKeyId !== kmsKeyArn)
    return [`${id}, which replaces ${volumeId}, is not under ${kmsKeyArn}`];
  if (volume.State === 'error') return [`${id}, which replaces ${volumeId}, is in error`];
  const attachment = attachmentOf(volume);
  const isThere = attachment?.InstanceId === instanceId && attachment?.Device === device;
  return instanceId === undefined || isThere
    ? []
    : [
        `${id}, which replaces ${volumeId}, is not attached to ${instanceId} at ${device}; attach it there, or roll back`,
      ];
}

function whyNotLastMoment(
  { kmsKeyArn }: MovePlan,
  { volumeId, size }: DiskPlan,
  snapshot: KnownSnapshot | undefined,
  id = 'no snapshot',
  migrationId: string,
): string[] {
  const holds = `the last moment of ${volumeId}`;
  if (!snapshot) return [`${id} that holds ${holds} is not there`];
  const isIt =
    snapshot.State === 'completed' &&
    snapshot.Encrypted === true &&
    snapshot.KmsKeyId === kmsKeyArn &&
    snapshot.VolumeSize === size &&
    snapshot.Description === ownDescription(migrationId) &&
    (snapshot.VolumeId === volumeId || snapshot.VolumeId === COPY_VOLUME);
  return isIt ? [] : [`${id} is not a completed encrypted snapshot of ${holds}`];
}

async function findSubstitutes(ec2: EC2Client, { plan, migrationId }: OfMove): Promise<Substitutes> {
  const volumes = await findAllProvenVolumes(ec2, migrationId);
  const points = await findSnapshotsByTag(ec2, TAG.recoveryPoint, migrationId);
  const snapshots = Object.fromEntries(
    plan.disks.flatMap(({ volumeId }) => {
      const [only, ...others] = points.filter((point) => isStagedFrom(point, volumeId, migrationId));
      return only && others.length === 0 ? [[volumeId, only.SnapshotId]] : [];
    }),
  );
  return { volumes, snapshots };
}
