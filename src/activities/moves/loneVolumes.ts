import { Context } from '@temporalio/activity';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  paginateDescribeTags,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { conflict, finalFailure, passingFailure } from '../../aws/applicationFailures';
import { FAILURE } from '../../model/failures';
import { heldBy, workflowIds } from '../../model/ids';
import {
  formatVolumeMark,
  loneDisk,
  parseVolumeMark,
  planVolume,
  type InterruptedVolume,
  type LoneVolumeFacts,
  type VolumeDecision,
  type VolumeMark,
  type VolumePhase,
} from '../../model/moves/loneVolume';
import type { Wanted } from '../../model/moves/migration';
import { keptBy } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findBeingModified, volumeFacts } from '../machines/facts';
import { findNamedStaged } from './ownSnapshots';
import { findCommittedMove, missing } from './loneVolumeCommits';
import { findAllProvenVolumes, findProvenVolumes, type FoundVolumes } from './ownVolumes';
import { ambiguous } from '../support/proof';
import { isWhole, findSnapshotsByTag } from './staging';
import { readAll, readVolume } from '../support/sharedReads';
import { sleep } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import { isOpen } from '../support/openWorkflows';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import { withId, type KnownVolume } from '../support/known';

interface VolumeAsked extends Omit<Wanted, 'healthChecks'> {
  target: Target;
  volumeId: string;
}

interface OfMove {
  plan: MovePlan;
  migrationId: string;
}

/** A report names no more than this. */
const MOST_REFERENCES = 50;

/** What is known of such a volume before it is touched, and what follows from it. */
export function volumePlanner(deps: ActivityDeps) {
  const { aws } = deps;

  async function plan({ target, volumeId, ...wanted }: VolumeAsked): Promise<VolumeDecision> {
    const ec2 = aws.ec2(target, 'read');
    const volume = await requireExisting(ec2, target, volumeId);
    return planVolume(await readVolumeFacts(ec2, target, volume), wanted);
  }

  return {
    plan,

    /** The same for a campaign, which may come upon what another one has left or is at; reads only. */
    async survey(asked: VolumeAsked): Promise<VolumeDecision> {
      const { target, volumeId } = asked;
      const { Tags } = await requireExisting(aws.ec2(target, 'read'), target, volumeId);
      const mark = parseVolumeMark(tagMap(Tags)[TAG.original], volumeId);
      const workflowId = workflowIds.volume(target, volumeId);
      const open = await isOpen(deps, workflowId);
      if (mark && !open) return { kind: 'interrupted', migrationId: mark.migrationId };
      if (mark?.phase === 'soak')
        return {
          kind: 'nothing',
          reason: `it is replaced already, and kept until the commit of ${workflowId}`,
        };
      const decision: VolumeDecision = mark ? { kind: 'blocked', reasons: [] } : await plan(asked);
      if (!open || decision.kind === 'nothing') return decision;
      const others = decision.kind === 'blocked' ? decision.reasons : [];
      return { kind: 'blocked', reasons: [heldBy(workflowId, 'volume'), ...others] };
    },
  };
}

/** Volumes that are attached to nothing. Their mark says what a terminated move has left, as a machine's does. */
export function loneVolumeActivities(deps: ActivityDeps) {
  const { aws, settings } = deps;
  const planner = volumePlanner(deps);

  return {
    /** What a move of the volume would do, or every reason not to; reads only. */
    planVolume: planner.plan,

    /** @param replacedBy the new volume, once it may be used: a later run knows it by that, and not by its tags */
    async markVolume({
      plan,
      ...mark
    }: OfMove & { phase: VolumePhase; replacedBy?: string; goingBack?: string[] }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      for (const { volumeId } of plan.disks) {
        const Value = formatVolumeMark(volumeId, mark);
        await ec2.send(
          new CreateTagsCommand({ Resources: [volumeId], Tags: [{ Key: TAG.original, Value }] }),
        );
      }
    },

    /**
     * The original's mark goes last: it is what a later run begins with.
     *
     * @param made new volumes that the move has recorded; a run that 0.1.0 began tells none
     */
    async unmarkVolume({ plan, migrationId, made }: OfMove & { made?: string[] }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const untag = (Resources: string[], keys: string[]) =>
        ec2.send(new DeleteTagsCommand({ Resources, Tags: keys.map((Key) => ({ Key })) }));
      const own = made ?? Object.values(await findAllProvenVolumes(ec2, migrationId));
      for (const volumeId of own)
        if (await readVolume(ec2, volumeId))
          await untag([volumeId], [TAG.migration, TAG.replaces, TAG.staged]);
      for (const { volumeId } of plan.disks)
        if (await readVolume(ec2, volumeId))
          await untag([volumeId], [TAG.cloneClaim, TAG.staged, TAG.original]);
    },

    /**
     * Checks that nobody uses the volumes.
     *
     * @throws ApplicationFailure Conflict naming who does
     */
    async requireAlone({ plan }: Pick<OfMove, 'plan'>): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      for (const disk of plan.disks) requireUnused(plan.target, disk, await readVolume(ec2, disk.volumeId));
    },

    /**
     * Looks until it is cancelled. A volume that is attached and detached again between two looks is not seen.
     *
     * @throws ApplicationFailure Conflict as soon as somebody uses one of the volumes
     */
    async watchAlone({ plan }: Pick<OfMove, 'plan'>): Promise<never> {
      const ec2 = aws.ec2(plan.target, 'read');
      for (let looks = 1; ; looks++) {
        Context.current().heartbeat({ looks });
        for (const disk of plan.disks) requireUnused(plan.target, disk, await readVolume(ec2, disk.volumeId));
        await sleep(settings.pollMs);
      }
    },

    /**
     * Checks, before the undo of a run that has not replaced the volume, that no other run of the same move has: the one that a reset has
     * ended.
     *
     * @throws ApplicationFailure Conflict; nothing was changed
     */
    async requireNotReplaced({ plan, migrationId }: OfMove): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      for (const { volumeId } of plan.disks) {
        const { Tags } = (await readVolume(ec2, volumeId)) ?? {};
        const mark = parseVolumeMark(tagMap(Tags)[TAG.original], volumeId);
        if (mark?.migrationId === migrationId && mark.phase === 'soak')
          throw conflict(
            `${volumeId} in ${targetKey(plan.target)} is replaced by ${mark.replacedBy} already, and this run does not know of it: was it reset? Nothing was undone; start the move of the volume again, and that run takes it over`,
          );
      }
    },

    /** @throws ApplicationFailure Conflict when a mark or a new volume is left after an undo */
    async requireUntouched({ plan, migrationId, made: own }: OfMove & { made?: string[] }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      const ids = own ?? Object.values(await findAllProvenVolumes(ec2, migrationId));
      const made = (await readAll(ids, (id) => readVolume(ec2, id))).map(({ VolumeId }) => VolumeId);
      const marked: string[] = [];
      for (const { volumeId } of plan.disks) {
        const { Tags } = (await readVolume(ec2, volumeId)) ?? {};
        if (tagMap(Tags)[TAG.original] !== undefined) marked.push(volumeId);
      }
      if (made.length + marked.length === 0) return;
      throw passingFailure(
        FAILURE.conflict,
        `still there after the undo: ${[...made, ...marked].join(', ')}`,
      );
    },

    /** What a terminated move of this volume has left; nothing in nearly every run. */
    async findInterruptedVolume({
      target,
      volumeId,
      kmsKeyArn,
    }: Pick<VolumeAsked, 'target' | 'volumeId' | 'kmsKeyArn'>): Promise<InterruptedVolume | undefined> {
      const ec2 = aws.ec2(target, 'read');
      const original = await readVolume(ec2, volumeId);
      if (!original) return findCommittedMove(settings, ec2, target, volumeId);
      const mark = parseVolumeMark(tagMap(original.Tags)[TAG.original], volumeId);
      if (!mark) return undefined;
      const { migrationId, phase, goingBack } = mark;
      const disks = [loneDisk(await readVolumeFacts(ec2, target, original))];
      const { own, unclear } = await findReplacement(ec2, mark, volumeId, disks);
      const made = own[volumeId] === undefined ? undefined : await readVolume(ec2, own[volumeId]);
      if (phase === 'soak' && !made && unclear.length > 0)
        throw ambiguous(`volume that replaces ${volumeId} for migration ${migrationId}`, unclear);
      if (phase === 'soak' && !made) await requireKept(ec2, target, volumeId, migrationId, mark.replacedBy);
      const plan = { target, kmsKeyArn: made?.KmsKeyId ?? kmsKeyArn, disks };
      const soaking = phase === 'soak' && made && { soaking: newVolume(made) };
      const named = mark.replacedBy !== undefined;
      const staged = await findNamedStaged(ec2, [original], migrationId, [volumeId]);
      const found = { migrationId, plan, replacements: own, named, unclear, ...soaking };
      return { ...found, ...(staged && { staged }), ...(goingBack && { goingBack }) };
    },

    /** Tags of other resources that hold the id; whoever wrote them knows what they mean. */
    async referencesTo({ target, volumeId }: Pick<VolumeAsked, 'target' | 'volumeId'>): Promise<string[]> {
      const found: string[] = [];
      const Filters = [{ Name: 'value', Values: [`*${volumeId}*`] }];
      for await (const { Tags } of paginateDescribeTags({ client: aws.ec2(target, 'read') }, { Filters }))
        for (const { Key, ResourceId, ResourceType } of withId(withId(Tags, 'Key'), 'ResourceId'))
          if (!Key.startsWith(TAG.prefix) && ResourceId !== volumeId)
            found.push(`${ResourceType} ${ResourceId}, tag ${Key}`);
      return found.slice(0, MOST_REFERENCES);
    },
  };
}

async function requireExisting(ec2: EC2Client, target: Target, volumeId: string): Promise<KnownVolume> {
  const volume = await readVolume(ec2, volumeId);
  if (volume) return volume;
  throw missing(target, volumeId);
}

async function readVolumeFacts(
  ec2: EC2Client,
  target: Target,
  volume: KnownVolume,
): Promise<LoneVolumeFacts> {
  const { VolumeId, Attachments = [] } = volume;
  return {
    ...volumeFacts(volume, undefined, await findBeingModified(ec2, [VolumeId])),
    device: '-',
    target,
    attachedTo: Attachments.flatMap(({ InstanceId }) => InstanceId ?? []),
  };
}

/** The volume that the original names, where that names the original too; what 0.1.0 made, as far as AWS's records prove it. */
async function findReplacement(
  ec2: EC2Client,
  { migrationId, replacedBy }: VolumeMark,
  volumeId: string,
  disks: DiskPlan[],
): Promise<FoundVolumes> {
  if (replacedBy === undefined) return findProvenVolumes(ec2, migrationId, disks);
  const { Tags } = (await readVolume(ec2, replacedBy)) ?? {};
  const tags = tagMap(Tags);
  const agrees = tags[TAG.replaces] === volumeId && tags[TAG.migration] === migrationId;
  if (agrees) return { own: { [volumeId]: replacedBy }, unclear: [] };
  return { own: {}, unclear: Tags ? [replacedBy] : [] };
}

function newVolume({ VolumeId, CreateTime }: KnownVolume): InterruptedVolume['soaking'] {
  return { volumeId: VolumeId, createdAt: CreateTime.getTime() };
}

function requireUnused(target: Target, { volumeId }: DiskPlan, volume: KnownVolume | undefined): void {
  const holders = (volume?.Attachments ?? []).flatMap(({ InstanceId }) => InstanceId ?? []);
  if (volume?.State === 'available' && holders.length === 0) return;
  const is = holders.length > 0 ? `attached to ${holders.join(', ')}` : (volume?.State ?? 'gone');
  throw conflict(`${volumeId} in ${targetKey(target)} is ${is}: somebody uses it meanwhile`);
}

/** The new volume may hold writes of its own; it may be gone only when a rollback has kept those. */
async function requireKept(
  ec2: EC2Client,
  target: Target,
  volumeId: string,
  migrationId: string,
  replacedBy: string | undefined,
): Promise<void> {
  const keptId = keptBy(migrationId);
  const kept = (await findSnapshotsByTag(ec2, TAG.recoveryPoint, keptId)).filter(isWhole(keptId));
  // 0.1.0 does not name the new volume.
  if (kept.some(({ VolumeId }) => replacedBy === undefined || VolumeId === replacedBy)) return;
  throw finalFailure(
    FAILURE.notMigratable,
    `${volumeId} in ${targetKey(target)} was replaced by migration ${migrationId}, and somebody has deleted the new volume; remove the tag ${TAG.original} from it to begin anew`,
  );
}
