import { CreateSnapshotCommand, CreateSnapshotsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { groupBy, has } from '../../model/group';
import { ownDescription, TAG } from '../../model/names';
import { MOST_EXCLUDED } from '../../model/selector';
import type { Settings } from '../support/deps';
import { findInTime, findMadeEarlier, requestId } from '../support/idempotency';
import { theOnly } from '../support/proof';
import { readInstance } from '../support/sharedReads';
import {
  askedBy,
  begunSnapshots,
  idOf,
  isWhole,
  findSnapshotsByTag,
  sourceTags,
  stagingTags,
  type BegunSnapshot,
} from './staging';
import { tagList } from '../support/tags';
import { attachedVolumeIds } from '../support/reads';
import type { MovePlan } from '../../model/machines/facts';
import type { KnownInstance } from '../support/known';

export interface KeepRequest {
  /** Of the originals. */
  plan: MovePlan;
  /** Of the recovery point. */
  pointId: string;
  /** New volume by original. */
  volumes: Record<string, string>;
  /** First execution run id: what another run has begun may be older than the last write. */
  runId: string;
  /** Runs before this one that had begun to go back, as the machine's mark tells. */
  runsBefore?: string[];
  /** A try before this one may have begun them, and has failed. */
  again?: boolean;
}

/** Snapshots that a rollback keeps. */
export interface Keeping {
  /** By original. */
  snapshots: Record<string, string>;
  /** By original: what runs before this one had begun of the same volumes. */
  earlier: Record<string, string[]>;
  /** Snapshots that all seem to be one of those: none of them is touched. */
  unclear: string[];
}

/** One set, or what is missing of it. */
export async function keepNow(
  settings: Settings,
  ec2: EC2Client,
  { plan, pointId, volumes, runId, again }: KeepRequest,
): Promise<Record<string, string>> {
  const request = requestOf(pointId, runId);
  const found: Record<string, string> = {};
  await (again ? findInTime : findMadeEarlier)(settings, async () => {
    Object.assign(found, await findBegun(ec2, pointId, request, Object.entries(volumes)));
    return Object.keys(found).length === Object.keys(volumes).length ? found : undefined;
  });
  const missing = Object.entries(volumes).filter(([original]) => found[original] === undefined);
  if (missing.length === 0) return found;
  const tags = { ...stagingTags(pointId, request), ...sourceTags(plan) };
  const instance = plan.instanceId ? await readInstance(ec2, plan.instanceId) : undefined;
  const attached = instance ? attachedVolumeIds(instance) : [];
  const isSet = missing.length > 1 && missing.every(([, id]) => attached.includes(id));
  const made =
    instance && isSet
      ? await snapshotSet(ec2, instance, missing, tags, pointId)
      : await snapshotEach(ec2, missing, tags, pointId);
  return { ...found, ...made };
}

function requestOf(pointId: string, runId: string): string {
  return requestId(pointId, 'rollback', runId);
}

/** What those runs have begun: of each new volume and run the only one that EC2 says is of it. Whatever else is of it is somebody's. */
export async function findEarlier(
  ec2: EC2Client,
  { pointId, volumes, runId, runsBefore = [] }: KeepRequest,
): Promise<Pick<Keeping, 'earlier' | 'unclear'>> {
  const asked = runsBefore.filter((run) => run !== runId).map((run) => requestOf(pointId, run));
  if (asked.length === 0) return { earlier: {}, unclear: [] };
  const begun = (await findSnapshotsByTag(ec2, TAG.migration, pointId)).filter(
    (snapshot) => isWhole(pointId)(snapshot) && has(new Set(asked), askedBy(snapshot)),
  );
  const earlier: Record<string, string[]> = {};
  const unclear: string[] = [];
  for (const [original, id] of Object.entries(volumes))
    for (const twins of groupBy(
      begun.filter(({ VolumeId }) => VolumeId === id),
      askedBy,
    ).values()) {
      const ids = twins.map(({ SnapshotId }) => SnapshotId);
      if (ids.length === 1) earlier[original] = [...(earlier[original] ?? []), ...ids];
      else unclear.push(...ids);
    }
  return { earlier, unclear };
}

/** Of each volume the only one that EC2 says is of it. */
async function findBegun(
  ec2: EC2Client,
  pointId: string,
  request: string,
  volumes: readonly [string, string][],
): Promise<Record<string, string>> {
  const found = (await findSnapshotsByTag(ec2, TAG.request, request)).filter(isWhole(pointId));
  return Object.fromEntries(
    volumes.flatMap(([original, id]) => {
      const ofVolume = found.filter(({ VolumeId }) => VolumeId === id);
      const only = theOnly(ofVolume, idOf, `snapshot of ${id} that is kept as ${pointId}`);
      return only ? [[original, only.SnapshotId]] : [];
    }),
  );
}

/** What is attached beside them, and what the set before has, is left out. */
async function snapshotSet(
  ec2: EC2Client,
  instance: KnownInstance,
  volumes: readonly [string, string][],
  tags: Record<string, string>,
  pointId: string,
): Promise<Record<string, string>> {
  const wanted = new Map(volumes.map(([original, id]) => [id, original]));
  const mappings = (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }) =>
    Ebs?.VolumeId && !wanted.has(Ebs.VolumeId) ? { device: DeviceName, id: Ebs.VolumeId } : [],
  );
  const data = mappings.filter(({ device }) => device !== instance.RootDeviceName).map(({ id }) => id);
  // Nothing is written any more: one after the other they are of one instant too.
  if (data.length > MOST_EXCLUDED) return snapshotEach(ec2, volumes, tags, pointId);
  const { Snapshots } = await ec2.send(
    new CreateSnapshotsCommand({
      InstanceSpecification: {
        InstanceId: instance.InstanceId,
        ExcludeBootVolume: mappings.some(({ device }) => device === instance.RootDeviceName),
        ...(data.length > 0 && { ExcludeDataVolumeIds: data }),
      },
      Description: ownDescription(pointId),
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    }),
  );
  return byOriginal(begunSnapshots(Snapshots, `CreateSnapshots of ${instance.InstanceId}`), wanted);
}

async function snapshotEach(
  ec2: EC2Client,
  volumes: readonly [string, string][],
  tags: Record<string, string>,
  pointId: string,
): Promise<Record<string, string>> {
  const made: BegunSnapshot[] = [];
  for (const [, VolumeId] of volumes) {
    const answer = await ec2.send(
      new CreateSnapshotCommand({
        VolumeId,
        Description: ownDescription(pointId),
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
      }),
    );
    made.push(...begunSnapshots([answer], `CreateSnapshot of ${VolumeId}`));
  }
  return byOriginal(made, new Map(volumes.map(([original, id]) => [id, original])));
}

function byOriginal(
  snapshots: readonly BegunSnapshot[],
  originals: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    snapshots.flatMap(({ VolumeId, SnapshotId }) => {
      const original = originals.get(VolumeId);
      return original ? [[original, SnapshotId]] : [];
    }),
  );
}
