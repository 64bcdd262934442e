import { isDeepStrictEqual } from 'node:util';
import { DescribeSnapshotsCommand, DescribeVolumesCommand, type Snapshot } from '@aws-sdk/client-ec2';
import { ListGrantsCommand } from '@aws-sdk/client-kms';
import { butEncryption, type MachineState, type MigrationWorld } from '../support/migration';
import { instance, tagsOf } from '../support/seed';
import type { TargetGroup } from '../support/targetGroups';

/** Everything in an account that a migration could change or leave. */
export interface Photograph {
  machine: object;
  state: MachineState;
  /** Digest by device. */
  content: Record<string, string>;
  volumes: string[];
  snapshots: string[];
  grants: number;
  /** Its registrations in the lane's target group, by port. */
  targets: string[];
}

export type End = 'migrated' | 'as before' | 'other';

export interface Judgement {
  end: End;
  /** Of the state that it comes closest to, what is not so. */
  why?: string;
}

export async function photograph(
  migrations: MigrationWorld,
  instanceId: string,
  group?: TargetGroup,
): Promise<Photograph> {
  const { account, key } = migrations;
  const [machine, state, content, volumes, snapshots, grants, targets] = await Promise.all([
    machineOf(migrations, instanceId),
    migrations.stateOf(instanceId),
    migrations.contentOf(instanceId),
    account.ec2().send(new DescribeVolumesCommand({})),
    snapshotsOf(migrations),
    account.kms().send(new ListGrantsCommand({ KeyId: key })),
    group?.targets(instanceId),
  ]);
  return {
    machine,
    state,
    content,
    volumes: (volumes.Volumes ?? []).map(({ VolumeId = '' }) => VolumeId).sort(),
    snapshots: snapshots.map(({ SnapshotId = '' }) => SnapshotId).sort(),
    grants: (grants.Grants ?? []).length,
    targets: targets ?? [],
  };
}

/** Exactly as before, or fully migrated: nothing between is right. */
export async function judge(
  migrations: MigrationWorld,
  { instanceId, before }: { instanceId: string; before: Photograph },
  group?: TargetGroup,
): Promise<Judgement> {
  const after = await photograph(migrations, instanceId, group);
  if (isDeepStrictEqual(after, before)) return { end: 'as before' };
  const wrong = [
    ...notMigrated(before, after, migrations.key),
    ...(await notKept(migrations, before, after)),
  ];
  if (wrong.length === 0) return { end: 'migrated' };
  const stayed = after.state.disks.every(({ encrypted }) => !encrypted);
  return { end: 'other', why: (stayed ? differences(before, after) : wrong).join('; ') };
}

/** What a committed migration may not have changed, and what it must have. */
function notMigrated(before: Photograph, after: Photograph, key: string): string[] {
  const [old, now] = [before.state, after.state];
  const marks = [now.marks, ...now.disks.map((disk) => disk.marks)].flat();
  const gone = old.disks.map(({ volumeId = '' }) => volumeId);
  const made = now.disks.map(({ volumeId = '' }) => volumeId);
  const volumes = [...before.volumes.filter((id) => !gone.includes(id)), ...made].sort();
  return complaints([
    ['machine', before.machine, after.machine],
    ['attributes', butEncryption(old), butEncryption(now)],
    ['encryption', [], now.disks.filter((disk) => !disk.encrypted || disk.key !== key)],
    ['content', before.content, after.content],
    ['marks', [], marks],
    ['volumes', volumes, after.volumes],
    ['grants', before.grants, after.grants],
    ['targets', before.targets, after.targets],
  ]);
}

/** A commit keeps one encrypted snapshot of each original's last moment, and no other. */
async function notKept(migrations: MigrationWorld, before: Photograph, after: Photograph): Promise<string[]> {
  const made = after.snapshots.filter((id) => !before.snapshots.includes(id));
  const there = (await snapshotsOf(migrations)).filter(({ SnapshotId = '' }) => made.includes(SnapshotId));
  const digests = await Promise.all(made.map((id) => migrations.blocks.digest(id)));
  const isKept = (snapshot: Snapshot) =>
    snapshot.State === 'completed' &&
    snapshot.KmsKeyId === migrations.key &&
    tagsOf(snapshot)['holdfast:expires-at'] === 'never';
  return complaints([
    ['snapshots that are not the final recovery point', [], there.filter((each) => !isKept(each))],
    ['content of the final recovery point', Object.values(before.content).sort(), digests.sort()],
    ['snapshots that are gone', [], before.snapshots.filter((id) => !after.snapshots.includes(id))],
  ]);
}

function differences(before: Photograph, after: Photograph): string[] {
  const names = Object.keys(before) as (keyof Photograph)[];
  return complaints(names.map((name) => [name, before[name], after[name]]));
}

function complaints(pairs: [string, unknown, unknown][]): string[] {
  return pairs
    .filter(([, wanted, is]) => !isDeepStrictEqual(wanted, is))
    .map(([what, wanted, is]) => `${what}: ${JSON.stringify(is)} instead of ${JSON.stringify(wanted)}`);
}

/** What of an instance a migration must not change, besides its run state and its disks. */
async function machineOf({ account }: MigrationWorld, instanceId: string): Promise<object> {
  const found = await instance(account, instanceId);
  return {
    type: found.InstanceType,
    image: found.ImageId,
    root: found.RootDeviceName,
    addresses: [found.PrivateIpAddress, found.PublicIpAddress],
    groups: found.SecurityGroups?.map(({ GroupId }) => GroupId),
    userTags: Object.entries(tagsOf(found)).filter(([name]) => !name.startsWith('holdfast:')),
  };
}

async function snapshotsOf({ account }: MigrationWorld): Promise<Snapshot[]> {
  const { Snapshots = [] } = await account.ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  return Snapshots;
}
