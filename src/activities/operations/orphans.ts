import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Client } from '@temporalio/client';
import { isUncommitted } from '../../model/encryption/snapshots/encryptedCopy';
import { listed, type Listed } from '../../model/list';
import { parseVolumeMark } from '../../model/moves/loneVolume';
import { parseMachineMark } from '../../model/machines/marks';
import { TAG } from '../../model/names';
import { isOpenStatus } from '../../model/openStatus';
import {
  decideOrphans,
  makersToAsk,
  type MakerState,
  type MarkedImage,
  type MarkedSnapshot,
  type MarkedVolume,
  type Orphan,
} from '../../model/operations/orphans';
import type { FailedItem } from '../../model/outcome';
import { isHeld } from '../../model/points/recoveryPoint';
import type { OthersCount } from '../../model/points/snapshotOwner';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { failedItem, tryOnceMore, passes } from '../support/failedItem';
import { readWorkflowStatus } from '../support/openWorkflows';
import { deleteSnapshot, snapshotsById } from '../points/recoveryPoints';
import { findLocked, findUsedByImages } from '../points/snapshotUse';
import { countOthers } from '../points/otherSnapshots';
import { tagMap } from '../support/tags';
import { imagePages, instancePages, snapshotPages, volumePages, volumesById } from '../support/reads';
import { told } from '../support/known';

const SNAPSHOTS_A_BATCH = 500;
/** Few enough that what was looked at is deleted within seconds. */
const SNAPSHOTS_A_LOOK = 20;

export interface FoundOrphans {
  found: Listed<Orphan>;
  /** A batch of those that may be deleted. */
  snapshotIds: string[];
  others: OthersCount;
}

export function orphanActivities({ aws, temporal, calendar }: ActivityDeps) {
  const findOrphansIn = (target: Target) => findIn(aws.ec2(target, 'read'), temporal, target, calendar.now());
  return {
    /** What carries Holdfast's marks in a target, and no workflow looks after any more. */
    async findOrphans({ target, except }: { target: Target; except: string[] }): Promise<FoundOrphans> {
      const found = await findOrphansIn(target);
      const tried = new Set(except);
      const snapshotIds = removable(found).filter((id) => !tried.has(id));
      return {
        found: listed(found),
        snapshotIds: snapshotIds.slice(0, SNAPSHOTS_A_BATCH),
        others: await countOthers(aws.ec2(target, 'read')),
      };
    },

    /** Deletes snapshots that are orphans still, by a look of a moment ago. */
    async deleteOrphans({
      target,
      snapshotIds,
    }: {
      target: Target;
      snapshotIds: string[];
    }): Promise<{ deleted: string[]; failed: FailedItem[] }> {
      const still = new Set(removable(await findOrphansIn(target)));
      const ec2 = aws.ec2(target, 'retention');
      const result: { deleted: string[]; failed: FailedItem[] } = { deleted: [], failed: [] };
      const orphaned = snapshotIds.filter((id) => still.has(id));
      for (const [index, snapshotId] of orphaned.entries()) {
        if (index % SNAPSHOTS_A_LOOK === 0)
          await dropWanted(ec2, orphaned.slice(index, index + SNAPSHOTS_A_LOOK), still);
        if (!still.has(snapshotId)) continue;
        Context.current().heartbeat(result.deleted.length);
        Context.current().cancellationSignal.throwIfAborted();
        try {
          await tryOnceMore(() => deleteSnapshot(ec2, snapshotId));
          result.deleted.push(snapshotId);
        } catch (error) {
          if (passes(error)) throw error;
          result.failed.push(failedItem(snapshotId, error));
        }
      }
      return result;
    },
  };
}

/** What somebody holds, locks or has made an image of by now stays. */
async function dropWanted(ec2: EC2Client, ids: readonly string[], still: Set<string>): Promise<void> {
  const there = await snapshotsById(ec2, ids);
  const known = [...there.keys()];
  const [used, locked] = [await findUsedByImages(ec2, known), await findLocked(ec2, known)];
  for (const [id, { Tags }] of there)
    if (used.has(id) || locked.has(id) || isHeld(tagMap(Tags))) still.delete(id);
}

function removable(orphans: readonly Orphan[]): string[] {
  return orphans.flatMap((orphan) =>
    orphan.kind === 'snapshot' && orphan.removable ? orphan.resourceId : [],
  );
}

async function findIn(ec2: EC2Client, temporal: Client, target: Target, now: number): Promise<Orphan[]> {
  const marked = {
    target,
    snapshots: await markedSnapshots(ec2),
    volumes: await markedVolumes(ec2),
    images: await markedImages(ec2),
  };
  if (marked.snapshots.length + marked.volumes.length + marked.images.length === 0) return [];
  const facts = {
    ...marked,
    markedMigrations: await findMigrationsUnderWay(ec2, marked.volumes),
    existingVolumes: await findExisting(ec2, sourcesOf(marked.snapshots)),
    existingOriginals: new Set((await snapshotsById(ec2, originalsOf(marked.snapshots))).keys()),
    now,
  };
  return decideOrphans({ ...facts, makers: await readMakerStates(temporal, makersToAsk(facts)) });
}

async function markedSnapshots(ec2: EC2Client): Promise<MarkedSnapshot[]> {
  const found: MarkedSnapshot[] = [];
  const marks = [TAG.recoveryPoint, TAG.migration, TAG.request, TAG.uncommitted];
  const [used, locked] = [await findUsedByImages(ec2), await findLocked(ec2)];
  for await (const page of snapshotPages(ec2, [{ Name: 'tag-key', Values: marks }])) {
    Context.current().heartbeat(found.length);
    for (const { SnapshotId, VolumeId, Description = '', State, StateMessage, ...rest } of page)
      found.push({
        snapshotId: SnapshotId,
        volumeId: VolumeId,
        description: Description,
        state: State,
        ...(StateMessage && { stateMessage: StateMessage }),
        startedAt: rest.StartTime.getTime(),
        tags: tagMap(rest.Tags),
        locked: locked.has(SnapshotId),
        usedByImage: used.has(SnapshotId),
      });
  }
  return found;
}

async function markedVolumes(ec2: EC2Client): Promise<MarkedVolume[]> {
  const found: MarkedVolume[] = [];
  const Filters = [{ Name: 'tag-key', Values: [TAG.original, TAG.replaces] }];
  for await (const page of volumePages(ec2, Filters, { pageSize: 500 }))
    for (const { VolumeId, Attachments = [], CreateTime, Tags } of page)
      found.push({
        volumeId: VolumeId,
        attached: Attachments.length > 0,
        createdAt: CreateTime.getTime(),
        tags: tagMap(Tags),
      });
  return found;
}

async function markedImages(ec2: EC2Client): Promise<MarkedImage[]> {
  const found: MarkedImage[] = [];
  for await (const page of imagePages(ec2, { Filters: [{ Name: 'tag-key', Values: [TAG.request] }] }))
    for (const image of page) {
      const { ImageId, Description = '', Tags } = image;
      const { CreationDate } = told(image, ImageId, 'CreationDate');
      found.push({
        imageId: ImageId,
        description: Description,
        createdAt: Date.parse(CreationDate),
        tags: tagMap(Tags),
      });
    }
  return found;
}

/** Whose machine still carries its mark, or whose original itself where it is attached to nothing. */
async function findMigrationsUnderWay(
  ec2: EC2Client,
  volumes: readonly MarkedVolume[],
): Promise<Set<string>> {
  const found = new Set<string>();
  const Filters = [{ Name: 'tag-key', Values: [TAG.migration] }];
  for await (const page of instancePages(ec2, Filters, { pageSize: 500 }))
    for (const { Tags } of page) {
      const mark = parseMachineMark(tagMap(Tags)[TAG.migration]);
      if (mark) found.add(mark.migrationId);
    }
  for (const { tags } of volumes) {
    const mark = parseVolumeMark(tags[TAG.original]);
    if (mark) found.add(mark.migrationId);
  }
  return found;
}

function sourcesOf(snapshots: readonly MarkedSnapshot[]): string[] {
  const staged = snapshots.filter(({ tags }) => tags[TAG.migration] !== undefined);
  return [...new Set(staged.map(({ tags, volumeId }) => tags[TAG.sourceVolume] ?? volumeId))];
}

function originalsOf(snapshots: readonly MarkedSnapshot[]): string[] {
  return [...new Set(snapshots.filter(isUncommitted).flatMap(({ tags }) => tags[TAG.encryptedFrom] ?? []))];
}

async function findExisting(ec2: EC2Client, volumeIds: string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { VolumeId } of volumesById(ec2, volumeIds)) found.add(VolumeId);
  return found;
}

/** By the id alone: whatever run of it is open looks after what earlier ones made. */
async function readMakerStates(
  temporal: Client,
  workflowIds: readonly string[],
): Promise<Map<string, MakerState>> {
  const states = new Map<string, MakerState>();
  for (const workflowId of workflowIds) {
    Context.current().heartbeat(states.size);
    states.set(workflowId, await readMakerState(temporal, workflowId));
  }
  return states;
}

async function readMakerState(temporal: Client, workflowId: string): Promise<MakerState> {
  const status = await readWorkflowStatus(temporal, workflowId);
  if (status === undefined) return 'unknown';
  if (isOpenStatus(status)) return 'open';
  return status === 'COMPLETED' ? 'succeeded' : 'failed';
}
