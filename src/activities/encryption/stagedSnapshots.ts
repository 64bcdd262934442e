import type { EC2Client } from '@aws-sdk/client-ec2';
import { workflowIds, isVolumeId } from '../../model/ids';
import { parseMachineMark, parseOriginalMark } from '../../model/machines/marks';
import { ownDescription, TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findKeptOriginals } from './keptOriginals';
import { tagMap } from '../support/tags';
import { instancesById, volumesById } from '../support/reads';
import { isOpen } from '../support/openWorkflows';
import type { KnownSnapshot, KnownVolume } from '../support/known';

/**
 * Those of the snapshots that a migration under way has made for itself, with its id. Their marks are not enough, because
 * people copy marks: the volume that EC2 says a snapshot is of is replaced by another one for the same migration, or its
 * machine carries the migration's mark, or the workflow that moves it is open.
 */
export async function findStagedSnapshots(
  deps: ActivityDeps,
  target: Target,
  snapshots: readonly KnownSnapshot[],
): Promise<Map<string, string>> {
  const staged = new Map<string, string>();
  const marked = snapshots.flatMap((snapshot) => {
    const migrationId = stagedBy(snapshot);
    return migrationId === undefined ? [] : { ...snapshot, migrationId };
  });
  if (marked.length === 0) return staged;
  const ec2 = deps.aws.ec2(target, 'read');
  const volumes = new Map<string, KnownVolume>();
  for await (const volume of volumesById(ec2, [...new Set(marked.map(({ VolumeId }) => VolumeId))]))
    volumes.set(volume.VolumeId, volume);
  const all = [...volumes.values()];
  const moves = new Moves(deps, target, await findKeptOriginals(ec2, all), await readMachineMarks(ec2, all));
  for (const { SnapshotId, VolumeId, migrationId } of marked) {
    const volume = volumes.get(VolumeId);
    if (volume && (await moves.isUnderWay(volume, migrationId))) staged.set(SnapshotId, migrationId);
  }
  return staged;
}

/** By its own marks alone. */
function stagedBy({ Tags, Description }: KnownSnapshot): string | undefined {
  const tags = tagMap(Tags);
  const id = tags[TAG.migration];
  const isStaged = id !== undefined && tags[TAG.recoveryPoint] === undefined;
  return isStaged && Description === ownDescription(id) ? id : undefined;
}

class Moves {
  private readonly open = new Map<string, boolean>();

  constructor(
    private readonly deps: ActivityDeps,
    private readonly target: Target,
    /** Migration by original. */
    private readonly kept: ReadonlyMap<string, string>,
    /** By machine. */
    private readonly marks: ReadonlyMap<string, MachineMark>,
  ) {}

  async isUnderWay({ VolumeId, Attachments = [], Tags }: KnownVolume, migrationId: string): Promise<boolean> {
    const machines = Attachments.flatMap(({ InstanceId }) => InstanceId ?? []);
    if (machines.length === 0)
      return this.isDetachedUnderWay(VolumeId, tagMap(Tags)[TAG.original], migrationId);
    if (machines.some((instanceId) => this.marks.get(instanceId)?.migrationId === migrationId)) return true;
    // Before the stop nothing but the snapshots is marked yet.
    return this.isOpen(machines.map((instanceId) => workflowIds.machine(this.target, instanceId)));
  }

  private async isDetachedUnderWay(volumeId: string, mark = '', migrationId: string): Promise<boolean> {
    if (this.kept.get(volumeId) === migrationId) return true;
    // Of a volume by itself; on a copy that somebody restored with its tags it names the other one.
    if (mark.startsWith(`${migrationId} ${volumeId} `)) return true;
    const original = parseOriginalMark(mark);
    const machine = original && this.marks.get(original.instanceId);
    // In mid-swap the new volume may not be there yet; in soak it is, and says so.
    const isMidSwap = machine?.migrationId === migrationId && machine.phase !== 'soak';
    if (original?.migrationId === migrationId && isMidSwap) return true;
    return this.isOpen([workflowIds.volume(this.target, volumeId)]);
  }

  private async isOpen(ids: readonly string[]): Promise<boolean> {
    for (const id of ids) {
      const open = this.open.get(id) ?? (await isOpen(this.deps, id));
      this.open.set(id, open);
      if (open) return true;
    }
    return false;
  }
}

type MachineMark = NonNullable<ReturnType<typeof parseMachineMark>>;

/** Of the machines that the volumes are attached to, or say they were. */
async function readMachineMarks(
  ec2: EC2Client,
  volumes: readonly KnownVolume[],
): Promise<Map<string, MachineMark>> {
  const ids = volumes.flatMap(({ Attachments = [], Tags }) => {
    const marked = parseOriginalMark(tagMap(Tags)[TAG.original])?.instanceId;
    const machines = Attachments.flatMap(({ InstanceId }) => InstanceId ?? []);
    return marked && !isVolumeId(marked) ? [...machines, marked] : machines;
  });
  const marks = new Map<string, MachineMark>();
  for await (const { InstanceId, Tags } of instancesById(ec2, [...new Set(ids)])) {
    const mark = parseMachineMark(tagMap(Tags)[TAG.migration]);
    if (mark) marks.set(InstanceId, mark);
  }
  return marks;
}
