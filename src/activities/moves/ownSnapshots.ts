import { Context } from '@temporalio/activity';
import { CreateTagsCommand, type EC2Client, type Snapshot, type Tag } from '@aws-sdk/client-ec2';
import { conflict, passingFailure } from '../../aws/applicationFailures';
import { isNotFound, isUnsure } from '../../aws/failures';
import { FAILURE } from '../../model/failures';
import { groupBy, has } from '../../model/group';
import { formatStaged, parseStaged, STAGED_A_BEARER } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import type { FailedItem } from '../../model/outcome';
import { isHeld, MAX_TAGS } from '../../model/points/recoveryPoint';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem, tryOnceMore, passes } from '../support/failedItem';
import { requestId } from '../support/idempotency';
import { isStagedFrom } from './ownVolumes';
import { deleteSnapshot, snapshotsById } from '../points/recoveryPoints';
import { readAll, readInstance, readVolume } from '../support/sharedReads';
import { askedBy, numbered, findSnapshotsByTag } from './staging';
import { isDenied } from '../support/unlessDenied';
import { attachmentOf } from '../machines/volumes';
import { sleep } from '../support/pace/waits';
import { tagMap } from '../support/tags';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import type { KnownSnapshot } from '../support/known';

/** What of a move's staging snapshots could be proven; src/activities/support/proof.ts says how. */
export interface FoundSnapshots {
  own: string[];
  /** Snapshots that all seem to be one and the same: none of them is touched. */
  unclear: string[];
}

interface Asked {
  /** Of the originals only their ids: a commit may have deleted them. */
  plan: Pick<MovePlan, 'target'> & { disks: readonly Pick<DiskPlan, 'volumeId'>[] };
  migrationId: string;
  /** Snapshots that it is known to have made. */
  known: string[];
}

interface Naming {
  target: Target;
  migrationId: string;
  /** The machine's id, of a machine. */
  instanceId?: string;
  volumeIds: string[];
  snapshotIds: string[];
}

interface Deleting {
  target: Target;
  migrationId: string;
  snapshotIds: string[];
  /** Those of them that nobody had room to name. */
  unnamed?: string[];
}

/** The snapshots that a move makes on its way. */
export function ownSnapshotActivities({ aws, settings: { readLagMs } }: ActivityDeps) {
  return {
    /**
     * What the move may have made although no answer told: by its request, of its own originals as EC2 records them, and
     * the only one. Where `known` has the one that was asked for, all others are somebody else's.
     */
    async findOwnSnapshots(asked: Asked): Promise<FoundSnapshots> {
      const ec2 = aws.ec2(asked.plan.target, 'read');
      // What was begun a moment ago may not show yet.
      await sleep(readLagMs);
      return findProvenSnapshots(ec2, asked);
    },

    /**
     * Names what is about to be deleted on the volumes that are in place, or, where they have no room for one more tag, on the
     * machine; a run after this one reads it.
     *
     * @returns those that nobody has room for
     */
    async nameStaged(asked: Naming): Promise<string[]> {
      const { target, migrationId, snapshotIds } = asked;
      const ec2 = aws.ec2(target, 'migrate');
      const bearers = await findBearers(ec2, asked);
      const named = snapshotIds.slice(0, bearers.length * STAGED_A_BEARER);
      for (const [at, Value] of formatStaged(migrationId, named).entries()) {
        const bearer = bearers[at];
        if (bearer !== undefined) await nameOn(ec2, bearer, Value);
      }
      return snapshotIds.slice(named.length);
    },

    /**
     * Deletes snapshots that the move has recorded as its own; what is gone is done. One that nobody could name stays where another
     * one claims to be it: should this end half-way, nobody could tell them from each other.
     *
     * @returns those that stay, and why: they have become a recovery point, or somebody holds, locks or uses them
     */
    async deleteOwnSnapshots({
      target,
      migrationId,
      snapshotIds,
      unnamed = [],
    }: Deleting): Promise<FailedItem[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const found = await snapshotsById(ec2, snapshotIds);
      const claiming = unnamed.length > 0 ? await findSnapshotsByTag(ec2, TAG.migration, migrationId) : [];
      const stay: FailedItem[] = [];
      for (const [snapshotId, snapshot] of found) {
        Context.current().heartbeat(snapshotId);
        const hasRival = unnamed.includes(snapshotId) && claiming.some((other) => isRival(snapshot, other));
        const why = hasRival ? 'another one carries its marks' : whyKept(snapshot);
        const stays = await deleteUnlessItStays(ec2, snapshotId, why);
        if (stays) stay.push(stays);
      }
      return stay;
    },
  };
}

function whyKept({ Tags }: Snapshot): string | undefined {
  const tags = tagMap(Tags);
  if (tags[TAG.recoveryPoint] !== undefined) return KEPT_AS_POINT;
  return isHeld(tags) ? 'it is on legal hold' : undefined;
}

/** What nobody has to be told of: it is what the move leaves. */
const KEPT_AS_POINT = 'it is a recovery point';

/** A snapshot that somebody locks or uses keeps nothing else waiting; what passes, and a missing permission, does. */
export async function deleteUnlessItStays(
  ec2: EC2Client,
  snapshotId: string,
  why: string | undefined,
): Promise<FailedItem | undefined> {
  if (why === KEPT_AS_POINT) return undefined;
  if (why !== undefined) return failedItem(snapshotId, conflict(why));
  try {
    await tryOnceMore(() => deleteSnapshot(ec2, snapshotId));
    return undefined;
  } catch (error) {
    if (passes(error) || isDenied(error) || isUnsure(error)) throw error;
    return failedItem(snapshotId, error);
  }
}

/** Of one and the same request for the same volume. */
function isRival(own: KnownSnapshot, other: KnownSnapshot): boolean {
  const sourceOf = ({ VolumeId, Tags }: KnownSnapshot) => tagMap(Tags)[TAG.sourceVolume] ?? VolumeId;
  return (
    other.SnapshotId !== own.SnapshotId &&
    askedBy(other) === askedBy(own) &&
    sourceOf(other) === sourceOf(own)
  );
}

/** The volumes in place first, which outlive the others; and of all only those with room for one tag more. */
async function findBearers(ec2: EC2Client, { instanceId, volumeIds }: Naming): Promise<string[]> {
  const there = await readAll(volumeIds, (id) => readVolume(ec2, id));
  const inPlace = there.filter((volume) => attachmentOf(volume) !== undefined);
  const volumes = inPlace.length > 0 ? inPlace : there;
  const machine = instanceId === undefined ? undefined : await readInstance(ec2, instanceId);
  return [
    ...volumes.filter(({ Tags }) => hasRoom(Tags)).map(({ VolumeId }) => VolumeId),
    ...(machine && hasRoom(machine.Tags) ? [machine.InstanceId] : []),
  ];
}

function hasRoom(tags: readonly Tag[] | undefined): boolean {
  const keys = Object.keys(tagMap(tags)).filter((key) => !key.startsWith('aws:'));
  return keys.includes(TAG.staged) || keys.length < MAX_TAGS;
}

/** Who has filled it since, or taken it away, is seen by the next look. */
async function nameOn(ec2: EC2Client, id: string, Value: string): Promise<void> {
  try {
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: TAG.staged, Value }] }));
  } catch (error) {
    const isFull = error instanceof Error && error.name === 'TagLimitExceeded';
    if (!isFull && !isNotFound(error)) throw error;
    throw passingFailure(FAILURE.conflict, `${id} takes no tag any more: ${(error as Error).message}`);
  }
}

/**
 * What volumes that are in place, or their machine, name, as far as the snapshots say so too: their descriptions nobody can write
 * afterwards.
 *
 * @param originals of the migration, whether they are there or not
 * @returns undefined where not all are named: then nothing has been deleted either
 */
export async function findNamedStaged(
  ec2: EC2Client,
  bearers: readonly { Tags?: Tag[] }[],
  migrationId: string,
  originals: readonly string[],
): Promise<string[] | undefined> {
  const values = bearers.flatMap(({ Tags }) => tagMap(Tags)[TAG.staged] ?? []);
  const named = parseStaged(values, migrationId);
  if (!named) return undefined;
  const found = await snapshotsById(ec2, named);
  return [...found].flatMap(([id, snapshot]) =>
    originals.some((original) => isStagedFrom(snapshot, original, migrationId)) ? id : [],
  );
}

async function findProvenSnapshots(
  ec2: EC2Client,
  { plan, migrationId, known }: Asked,
): Promise<FoundSnapshots> {
  const found: FoundSnapshots = { own: [], unclear: [] };
  const candidates = await findSnapshotsByTag(ec2, TAG.migration, migrationId);
  for (const { volumeId } of plan.disks) {
    const asked = requestsFor(migrationId, volumeId);
    const ofDisk = candidates.filter(
      (snapshot) => has(asked, askedBy(snapshot)) && isStagedFrom(snapshot, volumeId, migrationId),
    );
    for (const twins of groupBy(ofDisk, askedBy).values()) {
      const ids = twins.map(({ SnapshotId }) => SnapshotId);
      // The one that was asked for is known, or has become a recovery point: the others are somebody else's.
      if (twins.some(isPoint) || ids.some((id) => known.includes(id))) continue;
      (ids.length === 1 ? found.own : found.unclear).push(...ids);
    }
  }
  return found;
}

/** What broke is made again so often at most, by all runs that a move may have had. */
const MOST_TRIES = 20;

/** All that a move ever asks for of one original: whatever else carries its marks was asked for by somebody else. */
function requestsFor(migrationId: string, volumeId: string): ReadonlySet<string> {
  const tries = Array.from({ length: MOST_TRIES }, (_, index) => numbered({ number: index + 1 }));
  return new Set([
    ...['seed', 'final'].map((stage) => requestId(migrationId, stage)),
    ...tries.map((number) => requestId(migrationId, 'original', volumeId, ...number)),
    ...['seed', 'final', 'kept'].flatMap((stage) =>
      tries.map((number) => requestId(migrationId, stage, 'copy', volumeId, ...number)),
    ),
  ]);
}

function isPoint({ Tags }: Snapshot): boolean {
  return tagMap(Tags)[TAG.recoveryPoint] !== undefined;
}
