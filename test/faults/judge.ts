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

const LONGEST_VALUE = 400;

/** How a machine was, and what was written since to the new volumes of its soak, by device. */
export interface Known {
  instanceId: string;
  before: Photograph;
  written?: Record<string, string>;
}

/** `rolled back`: as before, and one recovery point of the new volumes is kept. */
export type End = 'migrated' | 'as before' | 'rolled back' | 'other';

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
  { instanceId, before, written }: Known,
  group?: TargetGroup,
): Promise<Judgement> {
  const after = await photograph(migrations, instanceId, group);
  if (isDeepStrictEqual(after, before)) return { end: 'as before' };
  const points = await keptPoints(migrations, before, after);
  const stayed = { ...after, snapshots: before.snapshots };
  // A next run that has finished the rollback, migrated anew and heard the verdict again has kept its own, too.
  const kept = written ? [[written], [written, before.content]] : [[before.content]];
  const rolledBack = kept.map((each) => [...differences(before, stayed), ...notKept(each, points)]);
  if (rolledBack.some((wrong) => wrong.length === 0)) return { end: 'rolled back' };
  const migrated = whole(before, written).map(({ content, kept }) => [
    ...notMigrated({ ...before, content }, after, migrations.key),
    ...notKept(kept, points),
  ]);
  if (migrated.some((wrong) => wrong.length === 0)) return { end: 'migrated' };
  const isUnencrypted = after.state.disks.every(({ encrypted }) => !encrypted);
  const wrong = isUnencrypted ? differences(before, after) : migrated[0];
  return { end: 'other', why: (wrong ?? []).join('; ') };
}

type Content = Photograph['content'];

/**
 * What a machine may hold that is migrated, and the recovery points that are kept then. A rollback that another run
 * ended as a migration may have kept its own; what was written is on the machine or in that point.
 */
function whole({ content: before }: Photograph, written?: Content): { content: Content; kept: Content[] }[] {
  if (!written) return [{ content: before, kept: [before] }];
  return [
    { content: written, kept: [before] },
    { content: written, kept: [before, written] },
    { content: before, kept: [before, written] },
  ];
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

/** The snapshots that are there now and were not before. */
interface Points {
  wrong: Snapshot[];
  gone: string[];
  digests: string[];
}

async function keptPoints(
  migrations: MigrationWorld,
  before: Photograph,
  after: Photograph,
): Promise<Points> {
  const made = after.snapshots.filter((id) => !before.snapshots.includes(id));
  const there = (await snapshotsOf(migrations)).filter(({ SnapshotId = '' }) => made.includes(SnapshotId));
  const isKept = (snapshot: Snapshot) =>
    snapshot.State === 'completed' &&
    snapshot.KmsKeyId === migrations.key &&
    tagsOf(snapshot)['holdfast:expires-at'] === 'never';
  return {
    wrong: there.filter((each) => !isKept(each)),
    gone: before.snapshots.filter((id) => !after.snapshots.includes(id)),
    digests: await Promise.all(made.map((id) => migrations.blocks.digest(id))),
  };
}

/** A verdict keeps one encrypted snapshot of each volume that it gives up, as it was at the last moment, and no other. */
function notKept(wanted: Content[], { wrong, gone, digests }: Points): string[] {
  return complaints([
    ['snapshots that are no final recovery point', [], wrong],
    [
      'content of the final recovery points',
      wanted.flatMap((each) => Object.values(each)).sort(),
      digests.sort(),
    ],
    ['snapshots that are gone', [], gone],
  ]);
}

function differences(before: Photograph, after: Photograph): string[] {
  const names = Object.keys(before) as (keyof Photograph)[];
  return complaints(names.map((name) => [name, before[name], after[name]]));
}

/** The beginning says what it is; a hundred of them still fit on a screen. */
function brief(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function complaints(pairs: [string, unknown, unknown][]): string[] {
  return pairs
    .filter(([, wanted, is]) => !isDeepStrictEqual(wanted, is))
    .map(([what, wanted, is]) => `${what}: ${difference(wanted, is)}`);
}

/** Of lists of many ids only what differs. */
function difference(wanted: unknown, is: unknown): string {
  if (!Array.isArray(wanted) || !Array.isArray(is)) return `${brief(is)} instead of ${brief(wanted)}`;
  const [more, less] = [without(is, wanted), without(wanted, is)];
  return `${brief(more)} too many, ${brief(less)} missing`;
}

/** Each as often as it is there more. */
function without(these: readonly unknown[], those: readonly unknown[]): unknown[] {
  const left = [...those];
  return these.filter((each) => {
    const at = left.findIndex((other) => isDeepStrictEqual(other, each));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
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
