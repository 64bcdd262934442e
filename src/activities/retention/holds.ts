import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { WorkflowIdConflictPolicy } from '@temporalio/client';
import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  holdTitle,
  sourceOf,
  type HeldPlace,
  type ReleasedPlace,
  type Hold,
  type SetLegalHoldRequest,
} from '../../model/retention/hold';
import { inChunks } from '../../model/group';
import { workflowIds } from '../../model/ids';
import { STARTED_BY_MEMO, TAG, TASK_QUEUE } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { placesIn, readRecoveryPoint } from '../../model/points/recoveryPoint';
import { targetKey, type Target, type TargetInput } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem, passes } from '../support/failedItem';
import { readOpenHolds } from './openHolds';
import { listExpiryPlaces } from '../policies/schedules';
import { ownSnapshots } from '../points/recoveryPoints';
import { sleep } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import { placesOf } from '../../model/policies/places';

/** Resources that one CreateTags or DeleteTags takes here; EC2 allows a thousand. */
const TAGGED_AT_ONCE = 200;

type Held = Pick<Hold, 'recoveryPointId' | 'policyName' | 'lineage'>;

interface HoldPlacesRequest {
  targets?: TargetInput[];
  policies: NormalizedPolicy[];
  known?: Target[];
}

/** Legal holds live as tags on what they hold, and as the open workflow that only two approvers end. */
export function holdActivities({ aws, temporal, settings, calendar }: ActivityDeps) {
  return {
    /** @throws ApplicationFailure TargetNotAllowed */
    async describeHold({ request }: { request: SetLegalHoldRequest }): Promise<Hold> {
      const targets = request.targets && (await aws.resolve(request.targets));
      return { ...holdOf(request, request.reason), ...(targets && { targets }) };
    },

    /**
     * Where a hold looks: the targets given, or every place that a policy leaves points in or has ever left points in, and those
     * that are known from the points themselves.
     */
    async holdPlaces({ targets, policies, known = [] }: HoldPlacesRequest): Promise<Target[]> {
      if (targets) return aws.resolve(targets);
      const places = [
        ...(await aws.resolve([{}])),
        ...policies.flatMap(placesOf),
        ...(await listExpiryPlaces(temporal)),
        ...known,
      ];
      return [...new Map(places.map((place) => [targetKey(place), place])).values()];
    },

    /** Marks what is held and not marked yet. A snapshot that cannot be marked is reported, and the others are. */
    async holdPoints({ target, hold }: { target: Target; hold: Hold }): Promise<HeldPlace> {
      const ec2 = aws.ec2(target, 'backup');
      const key = TAG.holdPrefix + hold.holdId;
      const place: HeldPlace = { target, held: 0, failed: [] };
      const open: string[] = [];
      const places = new Map<string, Target>();
      for await (const { snapshotId, tags } of listHeldSnapshots(ec2, hold)) {
        Context.current().heartbeat(place.held);
        for (const other of placesIn(tags, target)) places.set(targetKey(other), other);
        if (tags[key] === undefined) open.push(snapshotId);
        else place.held += 1;
      }
      for (const ids of inChunks(open, TAGGED_AT_ONCE)) {
        Context.current().heartbeat(place.held);
        const Tags = [{ Key: key, Value: hold.reason }];
        place.held += await callForEach(
          ids,
          (Resources) => ec2.send(new CreateTagsCommand({ Resources, Tags })),
          place,
        );
      }
      return { ...place, places: [...places.values()] };
    },

    /**
     * Takes the hold's marks away, wherever they are in a place; other holds' marks stay. A snapshot of which the mark cannot be
     * taken is reported, and the others are freed. Looks a second time: lists lag, and a run may have made a point meanwhile.
     */
    async releasePoints({ target, holdId }: { target: Target; holdId: string }): Promise<ReleasedPlace> {
      const ec2 = aws.ec2(target, 'backup');
      const Tags = [{ Key: TAG.holdPrefix + holdId }];
      const Filters = [{ Name: 'tag-key', Values: [TAG.holdPrefix + holdId] }];
      const [released, failed] = [new Set<string>(), new Map<string, FailedItem>()];
      for (let look = 1; look <= 2; look += 1) {
        if (look > 1) await sleep(settings.readLagMs);
        const ids: string[] = [];
        for await (const { SnapshotId } of ownSnapshots(ec2, Filters)) ids.push(SnapshotId);
        for (const group of inChunks(ids, TAGGED_AT_ONCE)) {
          Context.current().heartbeat(released.size);
          const problems: { failed: FailedItem[] } = { failed: [] };
          await callForEach(
            group,
            (Resources) => ec2.send(new DeleteTagsCommand({ Resources, Tags })),
            problems,
          );
          for (const id of group) released.add(id);
          for (const problem of problems.failed) failed.set(problem.item, problem);
        }
      }
      for (const id of failed.keys()) released.delete(id);
      return { released: released.size, failed: [...failed.values()] };
    },

    /** Opens the hold that a policy asks for, unless it is open. */
    async ensurePolicyHold({ policyName, reason }: { policyName: string; reason: string }): Promise<void> {
      await temporal.workflow.start('setLegalHold', {
        workflowId: workflowIds.policyHold(policyName),
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        taskQueue: TASK_QUEUE,
        memo: { [STARTED_BY_MEMO]: 'worker' },
        args: [{ policyName, reason }],
        staticSummary: `Legal hold on ${holdTitle({ policyName })}`,
      });
    },

    /** The holds that new points of a policy are under from the start. */
    async openHolds({ policy }: { policy: NormalizedPolicy }): Promise<Hold[]> {
      const { policyName, legalHold } = policy;
      const holds = legalHold === undefined ? [] : [holdOf({ policyName }, legalHold)];
      for (const hold of (await readOpenHolds(temporal, calendar.now())).holds)
        if (hold.policyName === policyName || hold.lineage !== undefined) holds.push(hold);
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

async function* listHeldSnapshots(
  ec2: EC2Client,
  hold: Hold,
): AsyncGenerator<{ snapshotId: string; tags: Record<string, string> }> {
  const seen = new Set<string>();
  for (const filter of filtersOf(hold)) {
    for await (const snapshot of ownSnapshots(ec2, [filter])) {
      const { SnapshotId: snapshotId, VolumeId: volumeId, Description: description = '' } = snapshot;
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

/**
 * All in one call, and one by one when EC2 refuses that: a single snapshot without room for a tag stops them all.
 *
 * @returns of how many it was accepted
 */
async function callForEach(
  ids: string[],
  call: (ids: string[]) => Promise<unknown>,
  problems: { failed: FailedItem[] },
): Promise<number> {
  try {
    await call(ids);
    return ids.length;
  } catch (error) {
    if (passes(error)) throw error;
    const [only, ...others] = ids;
    let accepted = 0;
    if (only !== undefined && others.length === 0) problems.failed.push(failedItem(only, error));
    else for (const id of ids) accepted += await callForEach([id], call, problems);
    return accepted;
  }
}
