import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { ownDescription, TAG } from '../../../model/names';
import type { Strategy } from '../../../model/moves/strategy';
import { describeExplicitly } from '../../moves/replacements';
import { setCommand, sourceTags, stagingTags } from '../../moves/staging';
import { tagList } from '../../support/tags';
import type { MachinePlan, MovePlan } from '../../../model/machines/facts';

/** One thing that a move does, asked for as it will be. */
export interface Probe {
  action: string;
  /** Which resource it is about, for people. */
  on: string;
  /** Whether a denial says that the real call is denied. */
  proves: boolean;
  send: (ec2: EC2Client) => Promise<unknown>;
}

/** Stands for an id that nothing has yet. */
const MIGRATION_ID = 'mig-00000000000000000';
const REQUEST = '0000000000000000';
const DryRun = true;

/**
 * What a move asks EC2 for, by the machine's first volume that moves. CopyVolumes is not among it: a migration that
 * clones asks that before it stops anything, and goes another way where it may not.
 */
export async function prepareProbes(ec2: EC2Client, plan: MovePlan, strategy: Strategy): Promise<Probe[]> {
  const [disk] = plan.disks;
  if (!disk) return [];
  const { volumeId } = disk;
  const migrationId = MIGRATION_ID;
  const volume = {
    ...(await describeExplicitly(ec2, { plan, migrationId, disk })),
    AvailabilityZone: disk.zone,
  };
  const Tags = tagList({ ...stagingTags(migrationId, REQUEST), ...sourceTags(plan) });
  const snapshot = {
    Description: ownDescription(migrationId),
    TagSpecifications: [{ ResourceType: 'snapshot' as const, Tags }],
  };
  const VolumeId = volumeId;
  return [
    ...tagging(volumeId, TAG.original),
    proof('ec2:CreateSnapshot', volumeId, new CreateSnapshotCommand({ VolumeId, ...snapshot, DryRun })),
    // Of the size alone: the snapshot that it will be made from is not there yet.
    proof('ec2:CreateVolume', 'a new volume', new CreateVolumeCommand({ ...volume, DryRun })),
    hint('ec2:DeleteVolume', volumeId, new DeleteVolumeCommand({ VolumeId, DryRun })),
    ...(await prepareSnapshotProbes(ec2, plan, snapshot)),
    ...(isOfMachine(plan) ? ofMachine(plan, volumeId, strategy) : []),
  ];
}

function isOfMachine(plan: MovePlan): plan is MachinePlan {
  return plan.instanceId !== undefined;
}

function ofMachine(plan: MachinePlan, VolumeId: string, strategy: Strategy): Probe[] {
  const { instanceId, disks, wasRunning } = plan;
  const InstanceId = instanceId;
  const InstanceIds = [instanceId];
  const Device = disks[0]?.device;
  const DeleteOnTermination = disks[0]?.deleteOnTermination ?? false;
  const BlockDeviceMappings = [{ DeviceName: Device, Ebs: { DeleteOnTermination } }];
  const set = setCommand(plan, stagingTags(MIGRATION_ID, REQUEST), MIGRATION_ID);
  const power = [
    proof('ec2:StopInstances', instanceId, new StopInstancesCommand({ InstanceIds, DryRun })),
    proof('ec2:StartInstances', instanceId, new StartInstancesCommand({ InstanceIds, DryRun })),
  ];
  return [
    ...tagging(instanceId, TAG.migration),
    ...(wasRunning ? power : []),
    ...(strategy === 'clone'
      ? []
      : [proof('ec2:CreateSnapshots', instanceId, new CreateSnapshotsCommand({ ...set, DryRun }))]),
    proof('ec2:DetachVolume', VolumeId, new DetachVolumeCommand({ VolumeId, InstanceId, DryRun })),
    proof('ec2:AttachVolume', VolumeId, new AttachVolumeCommand({ VolumeId, InstanceId, Device, DryRun })),
    proof(
      'ec2:ModifyInstanceAttribute',
      instanceId,
      new ModifyInstanceAttributeCommand({ InstanceId, BlockDeviceMappings, DryRun }),
    ),
  ];
}

function tagging(id: string, Key: string): Probe[] {
  const Resources = [id];
  return [
    proof('ec2:CreateTags', id, new CreateTagsCommand({ Resources, Tags: [{ Key, Value: '-' }], DryRun })),
    hint('ec2:DeleteTags', id, new DeleteTagsCommand({ Resources, Tags: [{ Key }], DryRun })),
  ];
}

/** By any snapshot of the account: the move's own are not there yet. */
async function prepareSnapshotProbes(ec2: EC2Client, plan: MovePlan, snapshot: object): Promise<Probe[]> {
  const MaxResults = 5;
  const own = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], MaxResults }));
  const SnapshotId = own.Snapshots?.[0]?.SnapshotId;
  if (!SnapshotId) return [];
  const copy = {
    ...snapshot,
    SourceRegion: plan.target.region,
    SourceSnapshotId: SnapshotId,
    Encrypted: true,
    KmsKeyId: plan.kmsKeyArn,
  };
  return [
    hint('ec2:CopySnapshot', SnapshotId, new CopySnapshotCommand({ ...copy, DryRun })),
    hint('ec2:DeleteSnapshot', SnapshotId, new DeleteSnapshotCommand({ SnapshotId, DryRun })),
  ];
}

type Command = Parameters<EC2Client['send']>[0];

function proof(action: string, on: string, command: unknown): Probe {
  return { action, on, proves: true, send: (ec2) => ec2.send(command as Command) };
}

function hint(action: string, on: string, command: unknown): Probe {
  return { ...proof(action, on, command), proves: false };
}
