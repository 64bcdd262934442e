import { Context, sleep } from '@temporalio/activity';
import {
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  type EC2Client,
  type Instance,
  type Snapshot,
  type TagSpecification,
  type Volume,
} from '@aws-sdk/client-ec2';
import { classify } from '../aws/classify';
import { expiryOf } from '../calendar/calendar';
import type { BackupUnit } from '../model/backup';
import { FAILURE } from '../model/failures';
import { ownDescription, TAG } from '../model/names';
import type { FailedItem } from '../model/outcome';
import type { NormalizedPolicy } from '../model/policy';
import { recoveryPointTags, type VolumeLine } from '../model/recoveryPoint';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { failedItem } from './failedItem';
import { tagList, tagMap } from './imageReads';
import { attachedVolumeIds, instancesById, volumesById } from './inventory';
import { writeManifest } from './manifests';
import { recoveryPointId, snapshotsOf } from './recoveryPoints';

/** After so many attempts of the batch, a unit that fails for no known reason is reported instead of holding up the others. */
const PATIENT_ATTEMPTS = 6;

interface SetsRequest {
  policy: NormalizedPolicy;
  target: Target;
  /** Milliseconds since the epoch. */
  slotMs: number;
  workflowId: string;
  /** First execution run id: tells this run's sets from those of another run of the same slot. */
  runId: string;
  units: BackupUnit[];
}

/** A unit's recovery point as the call left it: snapshots exist, and may still be pending. */
export interface StartedSet {
  recoveryPointId: string;
  resourceId: string;
  volumeIds: string[];
  /** By this run, and not by an earlier one of the same slot. */
  created: boolean;
}

export interface StartedSets {
  started: StartedSet[];
  failed: FailedItem[];
}

/** Crash-consistent sets: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html */
export function snapshotActivities(deps: ActivityDeps) {
  return {
    /**
     * Starts one snapshot set a unit, exactly once a slot. CreateSnapshots has no client token: every attempt looks
     * first for the sets by their tag, and a retry waits out the read lag before, because an answer may have been lost.
     */
    async createSnapshotSets(request: SetsRequest): Promise<StartedSets> {
      const ec2 = deps.aws.ec2(request.target, 'backup');
      const ids = request.units.map((unit) => idOf(request, unit));
      const existing = await existingSets(deps, ec2, ids);
      const facts = await describe(
        ec2,
        request.units.filter((unit) => !existing.has(idOf(request, unit))),
      );
      const result: StartedSets = { started: [], failed: [] };
      const full: Error[] = [];
      for (const unit of request.units) {
        const id = idOf(request, unit);
        const found = existing.get(id);
        Context.current().heartbeat(result.started.length + result.failed.length);
        Context.current().cancellationSignal.throwIfAborted();
        if (found) result.started.push(startedSet(id, unit, found, isOwn(request, found)));
        else await start(deps, ec2, request, unit, facts, result, full);
      }
      if (full[0]) throw full[0];
      return result;
    },
  };
}

/** An earlier attempt of this run may have made it, and its answer was lost. */
function isOwn({ runId }: SetsRequest, set: readonly Snapshot[]): boolean {
  return set.every(({ Tags }) => tagMap(Tags)[TAG.run] === runId);
}

function idOf({ policy, slotMs, target }: SetsRequest, unit: BackupUnit): string {
  return recoveryPointId(policy.policyName, slotMs, target, unit.resourceId);
}

async function existingSets(
  { settings }: ActivityDeps,
  ec2: EC2Client,
  ids: string[],
): Promise<Map<string, Snapshot[]>> {
  if (Context.current().info.attempt > 1) {
    await sleep(settings.readLagMs);
    const seen = await snapshotsOf(ec2, ids);
    if (seen.size === ids.length) return seen;
    await sleep(Math.ceil(settings.readLagMs / 5));
  }
  return snapshotsOf(ec2, ids);
}

interface Facts {
  instances: Map<string, Instance>;
  volumes: Map<string, Volume>;
}

/** One Describe a page: what a later restore must know of the volumes as they are now. */
async function describe(ec2: EC2Client, units: BackupUnit[]): Promise<Facts> {
  const facts: Facts = { instances: new Map(), volumes: new Map() };
  const instanceIds = units.filter(({ kind }) => kind === 'instance').map(({ resourceId }) => resourceId);
  for await (const instance of instancesById(ec2, instanceIds))
    facts.instances.set(instance.InstanceId ?? '', instance);
  const attached = [...facts.instances.values()].flatMap(attachedVolumeIds);
  const volumeIds = [...new Set([...units.flatMap((unit) => unit.volumeIds), ...attached])];
  for await (const volume of volumesById(ec2, volumeIds)) facts.volumes.set(volume.VolumeId ?? '', volume);
  return facts;
}

/**
 * One unit that AWS refuses does not stop the others; what passes with time makes the batch try again: pending
 * snapshots and API calls have limits, and a big fleet is always at them.
 *
 * @param full is told of a volume that has no room for another pending snapshot; the units after it may have
 */
async function start(
  deps: ActivityDeps,
  ec2: EC2Client,
  request: SetsRequest,
  unit: BackupUnit,
  facts: Facts,
  result: StartedSets,
  full: Error[],
): Promise<void> {
  try {
    const snapshots = await createSet(deps, ec2, request, unit, facts);
    result.started.push(startedSet(idOf(request, unit), unit, snapshots, true));
  } catch (error) {
    const patience = patienceWith(error);
    if (patience === 'of the volume' && error instanceof Error) full.push(error);
    else if (patience === 'for ever' || (patience === 'some' && attempt() < PATIENT_ATTEMPTS)) throw error;
    else result.failed.push(failedItem(unit.resourceId, error));
  }
}

function attempt(): number {
  return Context.current().info.attempt;
}

/** A state that forbids the call is the unit's own trouble; limits and lost answers pass. */
function patienceWith(error: unknown): 'none' | 'some' | 'for ever' | 'of the volume' {
  if (!(error instanceof Error)) return 'none';
  if (/^(ConcurrentSnapshotLimitExceeded|SnapshotCreationPerVolumeRateExceeded)$/.test(error.name))
    return 'of the volume';
  const { type, retry } = classify(error.name);
  if (!retry || type === FAILURE.conflict) return 'none';
  return type === FAILURE.quotaExceeded || type === FAILURE.throttled ? 'for ever' : 'some';
}

async function createSet(
  deps: ActivityDeps,
  ec2: EC2Client,
  request: SetsRequest,
  unit: BackupUnit,
  facts: Facts,
): Promise<Snapshot[]> {
  const instance = facts.instances.get(unit.resourceId);
  const volumeIds = instance ? attachedVolumeIds(instance) : unit.volumeIds;
  const volumes = volumeIds.flatMap((id) => facts.volumes.get(id) ?? []);
  const manifest = instance && (await writeManifest(deps.manifests, ec2, instance, volumes));
  const Description = ownDescription(idOf(request, unit));
  const TagSpecifications: TagSpecification[] = [
    {
      ResourceType: 'snapshot',
      Tags: tagList(setTags(deps, request, unit, { instance, volumes, manifest })),
    },
  ];
  if (unit.kind === 'volume') {
    const snapshot = await ec2.send(
      new CreateSnapshotCommand({ VolumeId: unit.resourceId, Description, TagSpecifications }),
    );
    return [snapshot];
  }
  const InstanceSpecification = { InstanceId: unit.resourceId };
  const { Snapshots = [] } = await ec2.send(
    new CreateSnapshotsCommand({ InstanceSpecification, Description, TagSpecifications }),
  );
  return Snapshots;
}

function setTags(
  deps: ActivityDeps,
  request: SetsRequest,
  unit: BackupUnit,
  { instance, volumes, manifest }: { instance?: Instance; volumes: Volume[]; manifest?: string },
): Record<string, string> {
  const { policy, workflowId, runId } = request;
  const takenAt = deps.clock.now();
  const userTags = tagMap(instance ? instance.Tags : volumes[0]?.Tags);
  return recoveryPointTags(
    {
      policyName: policy.policyName,
      recoveryPointId: idOf(request, unit),
      slotMs: request.slotMs,
      takenAt,
      copyRegions: policy.copies.map(({ toRegion }) => toRegion),
      expiresAt: expiryOf(takenAt, policy.retention, policy.timezone),
      sourceInstance: instance?.InstanceId,
      volumes: Object.fromEntries(
        volumes.map((volume) => [volume.VolumeId ?? '', volumeLine(volume, instance)]),
      ),
      minKeep: policy.minKeep,
      rpoMs: policy.rpoMs,
      manifest,
      workflowId,
      runId,
      requestedBy: policy.requestedBy,
      ticket: policy.ticket,
    },
    userTags,
  );
}

function volumeLine(volume: Volume, instance: Instance | undefined): VolumeLine {
  const attachment = volume.Attachments?.find(
    ({ InstanceId }) => !instance || InstanceId === instance.InstanceId,
  );
  const device = attachment?.Device ?? '-';
  return {
    device,
    type: volume.VolumeType ?? 'gp2',
    size: volume.Size ?? 0,
    iops: volume.Iops,
    throughput: volume.Throughput,
    root: device === instance?.RootDeviceName,
    deleteOnTermination: attachment?.DeleteOnTermination ?? false,
    multiAttach: volume.MultiAttachEnabled ?? false,
    zone: volume.AvailabilityZone ?? '-',
    kmsKeyId: volume.KmsKeyId,
  };
}

function startedSet(id: string, unit: BackupUnit, snapshots: Snapshot[], created: boolean): StartedSet {
  const volumeIds = [...new Set(snapshots.map(({ VolumeId = '' }) => VolumeId))];
  return { recoveryPointId: id, resourceId: unit.resourceId, volumeIds, created };
}
