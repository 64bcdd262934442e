import { Context } from '@temporalio/activity';
import type { EC2Client, Snapshot } from '@aws-sdk/client-ec2';
import { groupBy } from '../model/group';
import type { MovePlan } from '../model/migration';
import { TAG } from '../model/names';
import { isHeld } from '../model/recoveryPoint';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { tagMap } from './imageReads';
import { isStagedFrom } from './ownVolumes';
import { deleteSnapshot, snapshotsById } from './recoveryPoints';
import { snapshotsByTag } from './staging';
import { sleep } from './waits';

/** What of a move's staging snapshots could be proven; src/activities/proof.ts says how. */
export interface FoundSnapshots {
  own: string[];
  /** Snapshots that all seem to be one and the same: none of them is touched. */
  unclear: string[];
}

/** The snapshots that a move makes on its way. */
export function ownSnapshotActivities({ aws, settings: { readLagMs } }: ActivityDeps) {
  return {
    /**
     * What the move may have made although no answer told: by its request, of its own originals as EC2 records them, and
     * the only one. Where `known` has the one that was asked for, all others are somebody else's.
     */
    async findOwnSnapshots(asked: {
      plan: MovePlan;
      migrationId: string;
      known: string[];
    }): Promise<FoundSnapshots> {
      const ec2 = aws.ec2(asked.plan.target, 'read');
      // What was begun a moment ago may not show yet.
      await sleep(readLagMs);
      return provenSnapshots(ec2, asked);
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

async function provenSnapshots(
  ec2: EC2Client,
  { plan, migrationId, known }: { plan: MovePlan; migrationId: string; known: string[] },
): Promise<FoundSnapshots> {
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
