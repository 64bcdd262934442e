import { Context } from '@temporalio/activity';
import {
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateTagsCommand,
  type EC2Client,
  type Instance,
  type Snapshot,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { MovePlan } from '../model/migration';
import type { Maker } from '../model/maker';
import { groupBy } from '../model/group';
import { ownDescription, TAG } from '../model/names';
import { movePointTags } from '../model/movePoint';
import type { FailedItem } from '../model/outcome';
import { isHeld } from '../model/recoveryPoint';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { failedItem, onceMore, passes } from './failedItem';
import { Sightings } from './gone';
import { madeEarlier, requestId } from './idempotency';
import { tagList, tagMap } from './imageReads';
import { attachedVolumeIds } from './inventory';
import { writeManifest } from './manifests';
import { theOnly } from './proof';
import { deleteSnapshot, snapshotsById } from './recoveryPoints';
import { readAll, readInstance, readSnapshot, readVolume } from './sharedReads';
import { idOf, isWhole, snapshotsByTag, sourceTags, stagingTags } from './staging';
import { sleep } from './waits';

interface KeepRequest {
  /** Of the originals. */
  plan: MovePlan;
  /** Of the recovery point. */
  pointId: string;
  /** New volume by original. */
  volumes: Record<string, string>;
  /** First execution run id: what another run has begun may be older than the last write. */
  runId: string;
}

interface PointRequest {
  plan: MovePlan;
  pointId: string;
  /** Snapshot by original. */
  snapshots: Record<string, string>;
  /** New volume by original: what is attached where the originals were. */
  volumes: Record<string, string>;
  /** The moment that the snapshots hold, in milliseconds since the epoch. */
  takenAtMs: number;
  maker: Maker;
}

/** Snapshots that a rollback keeps. */
export interface Keeping {
  /** By original. */
  snapshots: Record<string, string>;
  /** By original: what runs before this one had begun of the same volumes. */
  earlier: Record<string, string[]>;
  /** Snapshots that all seem to be one of those: none of them is touched. */
  unclear: string[];
}

/** What became of snapshots. */
export interface SettledSnapshots {
  completed: string[];
  broken: { snapshotId: string; why: string }[];
}

/** Recovery points that moves leave: of the last moment on the originals, and of what was written to new volumes. */
export function keptPointActivities({ aws, manifests, settings }: ActivityDeps) {
  const { pollMs } = settings;

  /** One set, or what is missing of it. */
  async function keepNow(
    ec2: EC2Client,
    { plan, pointId, volumes, runId }: KeepRequest,
  ): Promise<Record<string, string>> {
    const request = requestOf(pointId, runId);
    const found: Record<string, string> = {};
    await madeEarlier(settings, async () => {
      Object.assign(found, await begun(ec2, pointId, request, Object.entries(volumes)));
      return Object.keys(found).length === Object.keys(volumes).length ? found : undefined;
    });
    const missing = Object.entries(volumes).filter(([original]) => found[original] === undefined);
    if (missing.length === 0) return found;
    const tags = { ...stagingTags(pointId, request), ...sourceTags(plan) };
    const instance = plan.instanceId ? await readInstance(ec2, plan.instanceId) : undefined;
    const attached = instance ? attachedVolumeIds(instance) : [];
    const isSet = missing.length > 1 && missing.every(([, id]) => attached.includes(id));
    const made =
      instance && isSet
        ? await snapshotSet(ec2, instance, missing, tags, pointId)
        : await snapshotEach(ec2, missing, tags, pointId);
    return { ...found, ...made };
  }

  return {
    /**
     * Begins a snapshot of each new volume, of a machine that is stopped: one set where all are attached to it, and each by
     * itself where a run before this one has detached them. Only what this run has begun is taken up: since another one
     * ended, somebody may have started the machine. What that one has begun is told, for these snapshots hold all of it.
     */
    async startKeeping(asked: KeepRequest): Promise<Keeping> {
      const ec2 = aws.ec2(asked.plan.target, 'migrate');
      const snapshots = await keepNow(ec2, asked);
      return { snapshots, ...(await earlierOf(ec2, asked)) };
    },

    /**
     * Deletes what an earlier run of the same rollback had kept, once later snapshots of the same volumes are kept.
     *
     * @returns those that stay, because somebody holds, locks or uses them
     */
    async deleteSuperseded({
      target,
      snapshotIds,
    }: {
      target: Target;
      snapshotIds: string[];
    }): Promise<FailedItem[]> {
      const ec2 = aws.ec2(target, 'migrate');
      const stay: FailedItem[] = [];
      for (const [snapshotId, { Tags }] of await snapshotsById(ec2, snapshotIds)) {
        Context.current().heartbeat(snapshotId);
        try {
          if (isHeld(tagMap(Tags))) throw new Error('it is on legal hold');
          await onceMore(() => deleteSnapshot(ec2, snapshotId));
        } catch (error) {
          if (passes(error)) throw error;
          stay.push(failedItem(snapshotId, error));
        }
      }
      return stay;
    },

    /** Waits until each is completed, in error, or gone: one that breaks does not hide the others. */
    async settledSnapshots({
      target,
      snapshotIds,
    }: {
      target: Target;
      snapshotIds: string[];
    }): Promise<SettledSnapshots> {
      const ec2 = aws.ec2(target, 'read');
      const result: SettledSnapshots = { completed: [], broken: [] };
      const sightings = new Sightings(settings);
      for (let open = snapshotIds; ; await sleep(pollMs)) {
        Context.current().heartbeat({ waitingFor: open });
        const snapshots = await readAll(open, (id) => readSnapshot(ec2, id));
        const byId = new Map(snapshots.map((snapshot) => [snapshot.SnapshotId, snapshot]));
        const gone = sightings.gone(open, byId.keys());
        open = open.filter((snapshotId) => {
          const snapshot = byId.get(snapshotId);
          if (snapshot?.State === 'completed') result.completed.push(snapshotId);
          else if (snapshot?.State === 'error')
            result.broken.push({ snapshotId, why: snapshot.StateMessage ?? 'EC2 gave no reason' });
          else if (gone.includes(snapshotId))
            result.broken.push({ snapshotId, why: 'somebody has deleted it' });
          else return true;
          return false;
        });
        if (open.length === 0) return result;
      }
    },

    /**
     * Makes snapshots a recovery point like any other, but that it never expires: with everything that rebuilds the machine
     * or volume, and the moment that they really hold.
     */
    async keepPoint({ plan, pointId, snapshots, volumes, takenAtMs, maker }: PointRequest): Promise<void> {
      const ec2 = aws.ec2(plan.target, 'migrate');
      Context.current().heartbeat(pointId);
      const instance = plan.instanceId ? await readInstance(ec2, plan.instanceId) : undefined;
      const originals = await readAll(
        plan.disks.map(({ volumeId }) => volumeId),
        (id) => readVolume(ec2, id),
      );
      const manifest =
        instance && (await writeManifest(manifests, ec2, withOriginals(instance, volumes), originals));
      for (const [original, snapshotId] of Object.entries(snapshots)) {
        Context.current().heartbeat(snapshotId);
        const Tags = tagList(
          movePointTags(
            { plan, pointId, original, takenAtMs, maker, rootDevice: instance?.RootDeviceName, manifest },
            usersTags(instance, originals, original),
          ),
        );
        await ec2.send(new CreateTagsCommand({ Resources: [snapshotId], Tags }));
      }
    },
  };
}

function requestOf(pointId: string, runId: string): string {
  return requestId(pointId, 'rollback', runId);
}

/** What other runs of the rollback have begun: of each new volume and run the only one that EC2 says is of it. */
async function earlierOf(
  ec2: EC2Client,
  { pointId, volumes, runId }: KeepRequest,
): Promise<Pick<Keeping, 'earlier' | 'unclear'>> {
  const begun = (await snapshotsByTag(ec2, TAG.migration, pointId)).filter(
    (snapshot) =>
      isWhole(pointId)(snapshot) && tagMap(snapshot.Tags)[TAG.request] !== requestOf(pointId, runId),
  );
  const earlier: Record<string, string[]> = {};
  const unclear: string[] = [];
  for (const [original, id] of Object.entries(volumes))
    for (const twins of groupBy(
      begun.filter(({ VolumeId }) => VolumeId === id),
      ({ Tags }) => tagMap(Tags)[TAG.request] ?? '',
    ).values()) {
      const ids = twins.flatMap(({ SnapshotId }) => SnapshotId ?? []);
      if (ids.length === 1) earlier[original] = [...(earlier[original] ?? []), ...ids];
      else unclear.push(...ids);
    }
  return { earlier, unclear };
}

/** Of each volume the only one that EC2 says is of it. */
async function begun(
  ec2: EC2Client,
  pointId: string,
  request: string,
  volumes: readonly [string, string][],
): Promise<Record<string, string>> {
  const found = (await snapshotsByTag(ec2, TAG.request, request)).filter(isWhole(pointId));
  return Object.fromEntries(
    volumes.flatMap(([original, id]) => {
      const ofVolume = found.filter(({ VolumeId }) => VolumeId === id);
      const only = theOnly(ofVolume, idOf, `snapshot of ${id} that is kept as ${pointId}`);
      return only?.SnapshotId ? [[original, only.SnapshotId]] : [];
    }),
  );
}

/** What is attached beside them, and what the set before has, is left out. */
async function snapshotSet(
  ec2: EC2Client,
  instance: Instance,
  volumes: readonly [string, string][],
  tags: Record<string, string>,
  pointId: string,
): Promise<Record<string, string>> {
  const wanted = new Map(volumes.map(([original, id]) => [id, original]));
  const mappings = (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }) =>
    Ebs?.VolumeId && !wanted.has(Ebs.VolumeId) ? { device: DeviceName, id: Ebs.VolumeId } : [],
  );
  const data = mappings.filter(({ device }) => device !== instance.RootDeviceName).map(({ id }) => id);
  const { Snapshots = [] } = await ec2.send(
    new CreateSnapshotsCommand({
      InstanceSpecification: {
        InstanceId: instance.InstanceId,
        ExcludeBootVolume: mappings.some(({ device }) => device === instance.RootDeviceName),
        ...(data.length > 0 && { ExcludeDataVolumeIds: data }),
      },
      Description: ownDescription(pointId),
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    }),
  );
  return byOriginal(Snapshots, wanted);
}

async function snapshotEach(
  ec2: EC2Client,
  volumes: readonly [string, string][],
  tags: Record<string, string>,
  pointId: string,
): Promise<Record<string, string>> {
  const made: Snapshot[] = [];
  for (const [, VolumeId] of volumes)
    made.push(
      await ec2.send(
        new CreateSnapshotCommand({
          VolumeId,
          Description: ownDescription(pointId),
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
        }),
      ),
    );
  return byOriginal(made, new Map(volumes.map(([original, id]) => [id, original])));
}

function byOriginal(
  snapshots: readonly Snapshot[],
  originals: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    snapshots.flatMap(({ VolumeId, SnapshotId }) => {
      const original = originals.get(VolumeId ?? '');
      return original && SnapshotId ? [[original, SnapshotId]] : [];
    }),
  );
}

/** The machine as it was when the moment was taken: with its originals in their places. */
function withOriginals(instance: Instance, volumes: Record<string, string>): Instance {
  const originals = new Map(Object.entries(volumes).map(([original, id]) => [id, original]));
  return {
    ...instance,
    BlockDeviceMappings: instance.BlockDeviceMappings?.map((mapping) => {
      const original = originals.get(mapping.Ebs?.VolumeId ?? '');
      return original ? { ...mapping, Ebs: { ...mapping.Ebs, VolumeId: original } } : mapping;
    }),
  };
}

/** As backups have them: the machine's, or those of a volume by itself. */
function usersTags(
  instance: Instance | undefined,
  originals: readonly Volume[],
  original: string,
): Record<string, string> {
  return tagMap((instance ?? originals.find(({ VolumeId }) => VolumeId === original))?.Tags);
}
