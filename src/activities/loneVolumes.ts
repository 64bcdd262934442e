import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeVolumesCommand,
  paginateDescribeTags,
  type EC2Client,
  type Volume,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../model/failures';
import { heldBy, workflowIds } from '../model/ids';
import { readOriginalMark } from '../model/keptVolume';
import {
  formatVolumeMark,
  loneDisk,
  parseVolumeMark,
  planVolume,
  type InterruptedVolume,
  type LoneVolumeFacts,
  type VolumeDecision,
  type VolumePhase,
} from '../model/loneVolume';
import type { DiskPlan, MovePlan, Wanted } from '../model/migration';
import { keptBy } from '../model/migrationMarks';
import { TAG } from '../model/names';
import { targetKey, type Target } from '../model/target';
import { isOpen } from './campaigns';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { beingModified, volumeFacts } from './machines';
import { snapshotsByTag } from './staging';
import { readVolume } from './sharedReads';
import { sleep } from './waits';

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

  async function planned({ target, volumeId, ...wanted }: VolumeAsked): Promise<VolumeDecision> {
    const ec2 = aws.ec2(target, 'read');
    const volume = await existing(ec2, target, volumeId);
    return planVolume(await factsOf(ec2, target, volume), wanted);
  }

  return {
    planned,

    /** The same for a campaign, which may come upon what another one has left or is at; reads only. */
    async surveyed(asked: VolumeAsked): Promise<VolumeDecision> {
      const { target, volumeId } = asked;
      const { Tags } = await existing(aws.ec2(target, 'read'), target, volumeId);
      const tags = tagMap(Tags);
      // A mark names its volume: on a copy of that, it is of another one.
      const mark =
        readOriginalMark(tags)?.holder === volumeId ? parseVolumeMark(tags[TAG.original]) : undefined;
      const workflowId = workflowIds.volume(target, volumeId);
      const open = await isOpen(deps, workflowId);
      if (mark && !open) return { kind: 'interrupted', migrationId: mark.migrationId };
      if (mark?.phase === 'soak')
        return {
          kind: 'nothing',
          reason: `it is replaced already, and kept until the commit of ${workflowId}`,
        };
      const decision: VolumeDecision = mark ? { kind: 'blocked', reasons: [] } : await planned(asked);
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
    planVolume: planner.planned,

    async markVolume({ plan, migrationId, phase }: OfMove & { phase: VolumePhase }): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      for (const { volumeId } of plan.disks) {
        const Value = formatVolumeMark(migrationId, volumeId, phase);
        await ec2.send(
          new CreateTagsCommand({ Resources: [volumeId], Tags: [{ Key: TAG.original, Value }] }),
        );
      }
    },

    /** The original's mark goes last: it is what a later run begins with. */
    async unmarkVolume({ plan, migrationId }: OfMove): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      const untag = (Resources: string[], keys: string[]) =>
        ec2.send(new DeleteTagsCommand({ Resources, Tags: keys.map((Key) => ({ Key })) }));
      for (const { VolumeId = '' } of await madeBy(ec2, migrationId))
        await untag([VolumeId], [TAG.migration, TAG.replaces]);
      for (const { volumeId } of plan.disks)
        if (await readVolume(ec2, volumeId)) await untag([volumeId], [TAG.cloneClaim, TAG.original]);
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

    /** @throws ApplicationFailure Conflict when a mark or a new volume is left after an undo */
    async requireUntouched({ plan, migrationId }: OfMove): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'read');
      const made = (await madeBy(ec2, migrationId)).map(({ VolumeId = '' }) => VolumeId);
      const marked: string[] = [];
      for (const { volumeId } of plan.disks) {
        const { Tags } = (await readVolume(ec2, volumeId)) ?? {};
        if (tagMap(Tags)[TAG.original] !== undefined) marked.push(volumeId);
      }
      if (made.length + marked.length === 0) return;
      throw ApplicationFailure.retryable(
        `still there after the undo: ${[...made, ...marked].join(', ')}`,
        FAILURE.conflict,
      );
    },

    /** What a terminated move of this volume has left; nothing in nearly every run. */
    async findInterruptedVolume({
      target,
      volumeId,
      kmsKeyArn,
    }: Pick<VolumeAsked, 'target' | 'volumeId' | 'kmsKeyArn'>): Promise<InterruptedVolume | undefined> {
      const ec2 = aws.ec2(target, 'read');
      const original = await existing(ec2, target, volumeId);
      const mark = parseVolumeMark(tagMap(original.Tags)[TAG.original]);
      if (!mark) return undefined;
      const { migrationId, phase } = mark;
      const [made] = await madeBy(ec2, migrationId);
      if (phase === 'soak' && !made) await requireKept(ec2, target, volumeId, migrationId);
      const disks = [loneDisk(await factsOf(ec2, target, original))];
      const plan = { target, kmsKeyArn: made?.KmsKeyId ?? kmsKeyArn, disks };
      return { migrationId, plan, ...(phase === 'soak' && made && { soaking: newVolume(made) }) };
    },

    /** Tags of other resources that hold the id; whoever wrote them knows what they mean. */
    async referencesTo({ target, volumeId }: Pick<VolumeAsked, 'target' | 'volumeId'>): Promise<string[]> {
      const found: string[] = [];
      const Filters = [{ Name: 'value', Values: [`*${volumeId}*`] }];
      for await (const { Tags = [] } of paginateDescribeTags(
        { client: aws.ec2(target, 'read') },
        { Filters },
      ))
        for (const { Key = '', ResourceId = '', ResourceType } of Tags)
          if (!Key.startsWith(TAG.prefix) && ResourceId !== volumeId)
            found.push(`${ResourceType} ${ResourceId}, tag ${Key}`);
      return found.slice(0, MOST_REFERENCES);
    },
  };
}

async function existing(ec2: EC2Client, target: Target, volumeId: string): Promise<Volume> {
  const volume = await readVolume(ec2, volumeId);
  if (volume) return volume;
  throw ApplicationFailure.nonRetryable(`${volumeId} in ${targetKey(target)} is gone`, FAILURE.notFound);
}

async function factsOf(ec2: EC2Client, target: Target, volume: Volume): Promise<LoneVolumeFacts> {
  const { VolumeId = '', Attachments = [] } = volume;
  return {
    ...volumeFacts(volume, '', await beingModified(ec2, [VolumeId])),
    device: '-',
    target,
    attachedTo: Attachments.flatMap(({ InstanceId }) => InstanceId ?? []),
  };
}

async function madeBy(ec2: EC2Client, migrationId: string): Promise<Volume[]> {
  const Filters = [
    { Name: `tag:${TAG.migration}`, Values: [migrationId] },
    { Name: 'tag-key', Values: [TAG.replaces] },
  ];
  return (await ec2.send(new DescribeVolumesCommand({ Filters }))).Volumes ?? [];
}

function newVolume({ VolumeId = '', CreateTime }: Volume): InterruptedVolume['soaking'] {
  return { volumeId: VolumeId, createdAt: CreateTime?.getTime() ?? 0 };
}

function requireUnused(target: Target, { volumeId }: DiskPlan, volume: Volume | undefined): void {
  const holders = (volume?.Attachments ?? []).flatMap(({ InstanceId }) => InstanceId ?? []);
  if (volume?.State === 'available' && holders.length === 0) return;
  const is = holders.length > 0 ? `attached to ${holders.join(', ')}` : (volume?.State ?? 'gone');
  throw ApplicationFailure.nonRetryable(
    `${volumeId} in ${targetKey(target)} is ${is}: somebody uses it meanwhile`,
    FAILURE.conflict,
  );
}

/** The new volume may hold writes of its own; it may be gone only when a rollback has kept those. */
async function requireKept(
  ec2: EC2Client,
  target: Target,
  volumeId: string,
  migrationId: string,
): Promise<void> {
  if ((await snapshotsByTag(ec2, TAG.recoveryPoint, keptBy(migrationId))).length > 0) return;
  throw ApplicationFailure.nonRetryable(
    `${volumeId} in ${targetKey(target)} was replaced by migration ${migrationId}, and somebody has deleted the new volume; remove the tag ${TAG.original} from it to begin anew`,
    FAILURE.notMigratable,
  );
}
