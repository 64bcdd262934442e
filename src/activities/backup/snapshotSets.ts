import {
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  paginateDescribeVolumes,
  type EC2Client,
  type Instance,
  type InstanceSpecification,
  type TagSpecification,
  type Volume,
} from '@aws-sdk/client-ec2';
import { expiryOf } from '../../calendar/calendar';
import { copiesTag } from '../../model/copies/copy';
import { holdsOn, type Hold } from '../../model/retention/hold';
import { ownDescription } from '../../model/names';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { droppedTags, recoveryPointTags } from '../../model/points/recoveryPoint';
import type { VolumeLine } from '../../model/points/volumeLine';
import { formatResidency } from '../../model/points/residency';
import { isExcluded, MOST_EXCLUDED } from '../../model/selector';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { isSelected } from '../machines/inventory';
import { writeManifest } from './manifests';
import { UserData } from './userData';
import { recoveryPointId } from '../points/recoveryPoints';
import { tagList, tagMap } from '../support/tags';
import { attachedVolumeIds, FILTER_VALUES, instancesById, rootVolumeId, volumesById } from '../support/reads';
import type { BackupUnit } from '../../model/machines/unit';
import type { Consistency } from '../../model/points/consistency';
import { knownVolumes, told, untold, type KnownInstance, type KnownVolume } from '../support/known';

export interface SetsRequest {
  policy: NormalizedPolicy;
  target: Target;
  /** Milliseconds since the epoch. */
  slotMs: number;
  workflowId: string;
  /** First execution run id: tells this run's sets from those of another run of the same slot. */
  runId: string;
  /** Legal holds that new points are under. */
  holds: Hold[];
}

/** A unit as it is now: what a set of it holds. */
export interface UnitNow {
  unit: BackupUnit;
  recoveryPointId: string;
  instance?: KnownInstance;
  /** Those that the set takes. */
  volumes: KnownVolume[];
  /** Those of the instance that it leaves out: excluded, or in the set of another instance. */
  left: KnownVolume[];
  /** Those of the set that it would leave out, if EC2 left out so many. */
  takenAlong?: string[];
}

export interface SetDetails {
  manifest?: string;
  /** Where hooks are asked for. */
  consistency?: Consistency;
}

interface Facts {
  instances: Map<string, KnownInstance>;
  volumes: Map<string, KnownVolume>;
}

/** Snapshot sets of units: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html */
export class SetMaker {
  private readonly userData: UserData;
  private readonly dropped = new Map<string, string[]>();

  constructor(
    private readonly deps: Pick<ActivityDeps, 'calendar' | 'manifests'>,
    private readonly ec2: EC2Client,
    private readonly request: SetsRequest & { units: readonly BackupUnit[] },
  ) {
    this.userData = new UserData(deps.manifests, ec2, request.units.length);
  }

  idOf({ resourceId }: BackupUnit): string {
    const { policy, slotMs, target } = this.request;
    return recoveryPointId(policy.policyName, slotMs, target, resourceId);
  }

  /** One Describe for many: what a later restore must know of the volumes as they are now. */
  async look(units: readonly BackupUnit[]): Promise<UnitNow[]> {
    const facts = await describe(this.ec2, units);
    const holders = await this.findOtherHolders(facts);
    return units.map((unit) => this.unitNow(unit, facts, holders));
  }

  /** Written before the snapshots that name it; undefined for standalone volumes. */
  async writeManifest({ instance, volumes, left }: UnitNow): Promise<string | undefined> {
    if (!instance) return undefined;
    const userData = await this.userData.of(instance);
    return writeManifest(this.deps.manifests, instance, [...volumes, ...left], userData);
  }

  /**
   * Starts the snapshots of one set. The call has no client token: look for the set before calling it again.
   *
   * @returns their ids
   */
  async create(now: UnitNow, more: SetDetails): Promise<string[]> {
    const { unit } = now;
    const Description = ownDescription(now.recoveryPointId);
    const tags = this.tags(now, more);
    const volumeIds = now.volumes.map(({ VolumeId }) => VolumeId);
    this.dropped.set(now.recoveryPointId, droppedTags(tags, userTagsOf(now), volumeIds));
    const TagSpecifications: TagSpecification[] = [{ ResourceType: 'snapshot', Tags: tagList(tags) }];
    if (unit.kind === 'volume') {
      const command = new CreateSnapshotCommand({
        VolumeId: unit.resourceId,
        Description,
        TagSpecifications,
      });
      return idsOf(unit.resourceId, [await this.ec2.send(command)]);
    }
    const InstanceSpecification = specification(now);
    const command = new CreateSnapshotsCommand({ InstanceSpecification, Description, TagSpecifications });
    return idsOf(unit.resourceId, (await this.ec2.send(command)).Snapshots);
  }

  /** Keys of tags that the set was to carry when it was last asked for, and does not: EC2 takes fifty. */
  droppedTags({ recoveryPointId }: UnitNow): string[] | undefined {
    const dropped = this.dropped.get(recoveryPointId);
    return dropped?.length ? dropped : undefined;
  }

  private unitNow(unit: BackupUnit, facts: Facts, holders: ReadonlyMap<string, string>): UnitNow {
    const instance = facts.instances.get(unit.resourceId);
    const ids = instance ? attachedVolumeIds(instance) : unit.volumeIds;
    const all = ids.flatMap((id) => facts.volumes.get(id) ?? []);
    const isTaken = (volume: KnownVolume) =>
      !isLeftOut(this.request.policy, volume, instance) &&
      (!instance || (holders.get(volume.VolumeId) ?? unit.resourceId) === unit.resourceId);
    const wanted = all.filter(isTaken);
    const along = wanted.length === 0 ? [] : surplus(without(all, wanted), instance);
    const left = without(all, [...wanted, ...along]);
    return {
      unit,
      recoveryPointId: this.idOf(unit),
      instance,
      volumes: without(all, left),
      left,
      takenAlong: along.length > 0 ? along.map(({ VolumeId }) => VolumeId) : undefined,
    };
  }

  /**
   * A Multi-Attach volume is in the set of one instance: of those that the policy selects, the one with the smallest
   * id, whichever page it is on.
   */
  private async findOtherHolders({ instances, volumes }: Facts): Promise<Map<string, string>> {
    const shared = [...volumes.values()].filter(({ Attachments = [] }) => Attachments.length > 1);
    const known = new Map(instances);
    const unknown = shared.flatMap(attachedTo).filter((id) => !known.has(id));
    for await (const instance of instancesById(this.ec2, [...new Set(unknown)]))
      known.set(instance.InstanceId, instance);
    const { selector } = this.request.policy;
    return new Map(
      shared.flatMap((volume) => {
        const selected = attachedTo(volume).filter((id) => {
          const instance = known.get(id);
          return instance && isSelected(selector, instance);
        });
        const [first] = selected.sort();
        return first ? [[volume.VolumeId, first] as const] : [];
      }),
    );
  }

  tags({ unit, instance, volumes, ...now }: UnitNow, more: SetDetails): Record<string, string> {
    const { policy, slotMs, workflowId, runId } = this.request;
    const takenAt = this.deps.calendar.now();
    return recoveryPointTags(
      {
        policyName: policy.policyName,
        recoveryPointId: now.recoveryPointId,
        slotMs,
        takenAt,
        copies: copiesTag(policy.copies),
        residency: policy.residency && formatResidency(policy.residency),
        expiresAt: expiryOf(takenAt, policy.retention.keep, policy.timezone),
        retention: policy.retention,
        archive: policy.archive,
        timezone: policy.timezone,
        holds: holdsOn(this.request.holds, unit.resourceId, this.request.target),
        sourceInstance: instance?.InstanceId,
        volumes: Object.fromEntries(volumes.map((volume) => [volume.VolumeId, volumeLine(volume, instance)])),
        minKeep: policy.minKeep,
        rpoMs: policy.rpoMs,
        costTags: policy.costTags,
        ...more,
        workflowId,
        runId,
        requestedBy: policy.requestedBy,
        ticket: policy.ticket,
      },
      userTagsOf({ unit, instance, volumes }),
    );
  }
}

/** Of a new set: one of fewer snapshots than were made would be complete too early. */
function idsOf(resourceId: string, answered: readonly { SnapshotId?: string }[] = []): string[] {
  const what = `the snapshots of ${resourceId}`;
  if (answered.length === 0) throw untold(what, 'any');
  return answered.map((each) => told(each, what, 'SnapshotId').SnapshotId);
}

function userTagsOf({ unit, instance, volumes }: Pick<UnitNow, 'unit' | 'instance' | 'volumes'>) {
  return tagMap(unit.kind === 'instance' ? instance?.Tags : volumes[0]?.Tags);
}

/** More than EC2 leaves out: the smallest go along, so that the set is of one instant, and what another set has goes last. */
function surplus(left: readonly KnownVolume[], instance: Instance | undefined): KnownVolume[] {
  const boot = instance && rootVolumeId(instance);
  const isShared = (volume: Volume) => Number(attachedTo(volume).length > 1);
  const data = left
    .filter(({ VolumeId }) => VolumeId !== boot)
    .sort((a, b) => isShared(a) - isShared(b) || (a.Size ?? 0) - (b.Size ?? 0));
  return data.slice(0, Math.max(0, data.length - MOST_EXCLUDED));
}

function without(volumes: readonly KnownVolume[], others: readonly KnownVolume[]): KnownVolume[] {
  return volumes.filter((volume) => !others.includes(volume));
}

function attachedTo({ Attachments = [] }: Volume): string[] {
  return Attachments.flatMap(({ InstanceId }) => InstanceId ?? []);
}

function isLeftOut({ selector }: NormalizedPolicy, volume: Volume, instance: Instance | undefined): boolean {
  const isBoot = instance !== undefined && volume.VolumeId === rootVolumeId(instance);
  return isExcluded(selector.exclude, {
    isBoot,
    isOfInstance: instance !== undefined,
    tags: tagMap(volume.Tags),
  });
}

function specification({ unit, instance, left }: UnitNow): InstanceSpecification {
  const boot = instance && rootVolumeId(instance);
  const data = left.flatMap(({ VolumeId }) => (VolumeId === boot ? [] : VolumeId));
  const leavesBoot = left.some(({ VolumeId }) => VolumeId === boot);
  return {
    InstanceId: unit.resourceId,
    ExcludeBootVolume: leavesBoot || undefined,
    ExcludeDataVolumeIds: data.length > 0 ? data : undefined,
  };
}

async function describe(ec2: EC2Client, units: readonly BackupUnit[]): Promise<Facts> {
  const facts: Facts = { instances: new Map(), volumes: new Map() };
  const idsOf = (kind: BackupUnit['kind']) =>
    units.filter((unit) => unit.kind === kind).map(({ resourceId }) => resourceId);
  for await (const instance of instancesById(ec2, idsOf('instance')))
    facts.instances.set(instance.InstanceId, instance);
  const keep = (volume: KnownVolume) => void facts.volumes.set(volume.VolumeId, volume);
  for await (const volume of volumesOfInstances(ec2, [...facts.instances.keys()])) keep(volume);
  for await (const volume of volumesById(ec2, idsOf('volume'))) keep(volume);
  // A volume that was attached between the two reads.
  const missed = [...facts.instances.values()]
    .flatMap(attachedVolumeIds)
    .filter((id) => !facts.volumes.has(id));
  for await (const volume of volumesById(ec2, missed)) keep(volume);
  return facts;
}

/** One call for the volumes of two hundred instances; by their own ids they would be four times as many calls. */
async function* volumesOfInstances(ec2: EC2Client, ids: readonly string[]): AsyncGenerator<KnownVolume> {
  for (let start = 0; start < ids.length; start += FILTER_VALUES) {
    const Filters = [{ Name: 'attachment.instance-id', Values: ids.slice(start, start + FILTER_VALUES) }];
    for await (const { Volumes = [] } of paginateDescribeVolumes(
      { client: ec2, pageSize: 1000 },
      { Filters },
    ))
      yield* knownVolumes(Volumes);
  }
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

/** What the policy excludes is left out, and so is an instance whose disks are no EBS volumes. */
export function hasNothing({ volumes, left, unit }: UnitNow): boolean {
  return volumes.length === 0 && (left.length > 0 || unit.volumeIds.length === 0);
}
