import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { WorkflowIdConflictPolicy } from '@temporalio/client';
import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  HOLD_MEMO,
  holdTitle,
  sourceOf,
  type HeldPlace,
  type Hold,
  type SetLegalHoldRequest,
} from '../model/hold';
import { workflowIds } from '../model/ids';
import { TAG, TASK_QUEUE } from '../model/names';
import type { NormalizedPolicy } from '../model/policy';
import { readRecoveryPoint } from '../model/recoveryPoint';
import { targetKey, type Target, type TargetInput } from '../model/target';
import type { ActivityDeps } from './deps';
import { failedItem } from './failedItem';
import { tagMap } from './imageReads';
import { ownSnapshots } from './recoveryPoints';
import { placesOf } from './targets';

/** Resources that one CreateTags or DeleteTags takes here; EC2 allows a thousand. */
const TAGGED_AT_ONCE = 200;
const OPEN_HOLDS = "WorkflowType = 'setLegalHold' AND ExecutionStatus = 'Running'";

type Held = Pick<Hold, 'recoveryPointId' | 'policyName' | 'lineage'>;

/** Legal holds live as tags on what they hold, and as the open workflow that only two approvers end. */
export function holdActivities({ aws, temporal }: ActivityDeps) {
  return {
    describeHold({ request }: { request: SetLegalHoldRequest }): Promise<Hold> {
      return Promise.resolve(holdOf(request, request.reason));
    },

    /** Where a hold looks: the targets given, or every place that a policy leaves points in. */
    async holdPlaces({
      targets,
      policies,
    }: {
      targets?: TargetInput[];
      policies: NormalizedPolicy[];
    }): Promise<Target[]> {
      if (targets) return aws.resolve(targets);
      const places = [...(await aws.resolve([{}])), ...policies.flatMap(placesOf)];
      return [...new Map(places.map((place) => [targetKey(place), place])).values()];
    },

    /** Marks what is held and not marked yet. A snapshot that cannot be marked is reported, and the others are. */
    async holdPoints({ target, hold }: { target: Target; hold: Hold }): Promise<HeldPlace> {
      const ec2 = aws.ec2(target, 'backup');
      const key = TAG.holdPrefix + hold.holdId;
      const place: HeldPlace = { target, held: 0, failed: [] };
      const open: string[] = [];
      for await (const { snapshotId, tags } of heldSnapshots(ec2, hold)) {
        Context.current().heartbeat(place.held);
        if (tags[key] === undefined) open.push(snapshotId);
        else place.held += 1;
      }
      for (const ids of inGroups(open)) {
        Context.current().heartbeat(place.held);
        await mark(ec2, ids, { Key: key, Value: hold.reason }, place);
      }
      return place;
    },

    /** Takes the hold's marks away, wherever they are; other holds' marks stay. Returns how many there were. */
    async releasePoints({ target, holdId }: { target: Target; holdId: string }): Promise<number> {
      const ec2 = aws.ec2(target, 'backup');
      const Key = TAG.holdPrefix + holdId;
      const ids: string[] = [];
      for await (const { SnapshotId = '' } of ownSnapshots(ec2, [{ Name: 'tag-key', Values: [Key] }]))
        ids.push(SnapshotId);
      for (const Resources of inGroups(ids)) {
        Context.current().heartbeat(ids.length);
        await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key }] }));
      }
      return ids.length;
    },

    /** Opens the hold that a policy asks for, unless it is open. */
    async ensurePolicyHold({ policyName, reason }: { policyName: string; reason: string }): Promise<void> {
      await temporal.workflow.start('setLegalHold', {
        workflowId: workflowIds.policyHold(policyName),
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        taskQueue: TASK_QUEUE,
        args: [{ policyName, reason }],
        staticSummary: `Legal hold on ${holdTitle({ policyName })}`,
      });
    },

    /** The holds that new points of a policy are under from the start. */
    async openHolds({ policy }: { policy: NormalizedPolicy }): Promise<Hold[]> {
      const { policyName, legalHold } = policy;
      const holds = legalHold === undefined ? [] : [holdOf({ policyName }, legalHold)];
      for await (const { memo } of temporal.workflow.list({ query: OPEN_HOLDS })) {
        const hold = memo?.[HOLD_MEMO] as Hold | undefined;
        if (hold && (hold.policyName === policyName || hold.lineage !== undefined)) holds.push(hold);
      }
      return holds;
    },
  };
}

function holdOf({ recoveryPointId, policyName, lineage }: Held, reason: string): Hold {
  const held = {
    ...(recoveryPointId !== undefined && { recoveryPointId }),
    ...(policyName !== undefined && { policyName }),
    ...(lineage !== undefined && { lineage }),
  };
  const hash = createHash('sha256')
    .update(`${holdTitle(held)}|${reason}`)
    .digest('hex');
  return { holdId: hash.slice(0, 12), reason, ...held };
}

async function* heldSnapshots(
  ec2: EC2Client,
  hold: Hold,
): AsyncGenerator<{ snapshotId: string; tags: Record<string, string> }> {
  const seen = new Set<string>();
  for (const filter of filtersOf(hold)) {
    for await (const snapshot of ownSnapshots(ec2, [filter])) {
      const {
        SnapshotId: snapshotId = '',
        VolumeId: volumeId = '',
        Description: description = '',
      } = snapshot;
      const tags = tagMap(snapshot.Tags);
      const point = readRecoveryPoint({ snapshotId, volumeId, description, tags });
      const isOfDevice = !hold.lineage?.includes(':') || point?.lineage === hold.lineage;
      if (seen.has(snapshotId) || !isOfDevice) continue;
      seen.add(snapshotId);
      yield { snapshotId, tags };
    }
  }
}

function filtersOf({
  recoveryPointId,
  policyName,
  lineage = '',
}: Hold): { Name: string; Values: string[] }[] {
  const tagged = (key: string, value: string) => ({ Name: `tag:${key}`, Values: [value] });
  if (recoveryPointId !== undefined) return [tagged(TAG.recoveryPoint, recoveryPointId)];
  if (policyName !== undefined) return [tagged(TAG.policy, policyName)];
  const source = sourceOf(lineage);
  if (source.startsWith('i-')) return [tagged(TAG.sourceInstance, source)];
  return [tagged(TAG.sourceVolume, source), { Name: 'volume-id', Values: [source] }];
}

/** All in one call, and one by one when EC2 refuses that: a single snapshot without room for a tag stops them all. */
async function mark(
  ec2: EC2Client,
  ids: string[],
  tag: { Key: string; Value: string },
  place: HeldPlace,
): Promise<void> {
  try {
    await ec2.send(new CreateTagsCommand({ Resources: ids, Tags: [tag] }));
    place.held += ids.length;
  } catch (error) {
    const [only = ''] = ids;
    if (ids.length === 1) place.failed.push(failedItem(only, error));
    else for (const id of ids) await mark(ec2, [id], tag, place);
  }
}

function* inGroups(ids: readonly string[]): Generator<string[]> {
  for (let start = 0; start < ids.length; start += TAGGED_AT_ONCE)
    yield ids.slice(start, start + TAGGED_AT_ONCE);
}
