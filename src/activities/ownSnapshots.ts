import { Context } from '@temporalio/activity';
import { CreateTagsCommand, type EC2Client, type Snapshot, type Tag, type Volume } from '@aws-sdk/client-ec2';
import { isNotFound } from '../aws/failures';
import { groupBy } from '../model/group';
import type { DiskPlan, MovePlan } from '../model/migration';
import { formatStaged, parseStaged } from '../model/migrationMarks';
import { TAG } from '../model/names';
import { isHeld } from '../model/recoveryPoint';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { isStagedFrom } from './ownVolumes';
import { deleteSnapshot, snapshotsById } from './recoveryPoints';
import { readAll, readVolume } from './sharedReads';
import { snapshotsByTag } from './staging';
import { attachmentOf } from './volumes';
import { sleep } from './waits';

/** What of a move's staging snapshots could be proven; src/activities/proof.ts says how. */
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
      return provenSnapshots(ec2, asked);
    },

    /**
     * Names what is about to be deleted on the volumes that are in place; a run after this one reads it. Where a volume has no
     * room for one more tag, that run goes by AWS's records alone.
     */
    async nameStaged({
      target,
      migrationId,
      volumeIds,
      snapshotIds,
    }: {
      target: Target;
      migrationId: string;
      volumeIds: string[];
      snapshotIds: string[];
    }): Promise<void> {
      const ec2 = aws.ec2(target, 'migrate');
      const there = await readAll(volumeIds, (id) => readVolume(ec2, id));
      const inPlace = there.filter((volume) => attachmentOf(volume) !== undefined);
      const bearers = (inPlace.length > 0 ? inPlace : there).flatMap(({ VolumeId }) => VolumeId ?? []);
      for (const [id, Value] of Object.entries(formatStaged(migrationId, bearers, snapshotIds)))
        await tagWhereItFits(ec2, id, { Key: TAG.staged, Value });
    },

    /**
     * Deletes snapshots that the move has recorded as its own; what is gone is done.
     *
     * @returns those that stay: they have become a recovery point, or somebody holds them
     */
    async deleteOwnSnapshots({
      target,
      snapshotIds,
    }: {
      target: Target;
      snapshotIds: string[];
    }): Promise<string[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const found = await snapshotsById(ec2, snapshotIds);
      const kept: string[] = [];
      for (const [snapshotId, { Tags }] of found) {
        Context.current().heartbeat(snapshotId);
        const tags = tagMap(Tags);
        if (tags[TAG.recoveryPoint] !== undefined || isHeld(tags)) kept.push(snapshotId);
        else await deleteSnapshot(ec2, snapshotId);
      }
      return kept;
    },
  };
}

async function tagWhereItFits(ec2: EC2Client, id: string, tag: Tag): Promise<void> {
  try {
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [tag] }));
  } catch (error) {
    const isFull = error instanceof Error && error.name === 'TagLimitExceeded';
    if (!isFull && !isNotFound(error)) throw error;
  }
}

/**
 * What volumes that are in place name, as far as the snapshots say so too: their descriptions nobody can write afterwards.
 *
 * @param originals of the migration, whether they are there or not
 * @returns undefined where nothing is named: then nothing has been deleted either
 */
export async function namedStaged(
  ec2: EC2Client,
  volumes: readonly Volume[],
  migrationId: string,
  originals: readonly string[],
): Promise<string[] | undefined> {
  const named = volumes.flatMap(({ Tags }) => parseStaged(tagMap(Tags)[TAG.staged], migrationId));
  if (named.length === 0) return undefined;
  const found = await snapshotsById(ec2, named);
  return [...found].flatMap(([id, snapshot]) =>
    originals.some((original) => isStagedFrom(snapshot, original, migrationId)) ? id : [],
  );
}

async function provenSnapshots(ec2: EC2Client, { plan, migrationId, known }: Asked): Promise<FoundSnapshots> {
  const found: FoundSnapshots = { own: [], unclear: [] };
  const candidates = await snapshotsByTag(ec2, TAG.migration, migrationId);
  for (const { volumeId } of plan.disks) {
    const ofDisk = candidates.filter((snapshot) => isStagedFrom(snapshot, volumeId, migrationId));
    for (const twins of groupBy(ofDisk, requestOf).values()) {
      const ids = twins.flatMap(({ SnapshotId }) => SnapshotId ?? []);
      // The one that was asked for is known, or has become a recovery point: the others are somebody else's.
      if (twins.some(isPoint) || ids.some((id) => known.includes(id))) continue;
      (ids.length === 1 ? found.own : found.unclear).push(...ids);
    }
  }
  return found;
}

function isPoint({ Tags }: Snapshot): boolean {
  return tagMap(Tags)[TAG.recoveryPoint] !== undefined;
}

function requestOf({ Tags }: Snapshot): string {
  return tagMap(Tags)[TAG.request] ?? '';
}
