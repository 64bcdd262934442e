import { Context } from '@temporalio/activity';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { valueAt } from '../../model/group';
import type { Maker } from '../../model/maker';
import { movePointTags } from '../../model/moves/movePoint';
import type { FailedItem } from '../../model/outcome';
import { isHeld } from '../../model/points/recoveryPoint';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { Sightings } from '../support/gone';
import { findEarlier, keepNow, type KeepRequest, type Keeping } from './keeping';
import { writeManifest } from '../backup/manifests';
import { deleteUnlessItStays } from './ownSnapshots';
import { snapshotsById } from '../points/recoveryPoints';
import { readAll, readInstance, readSnapshot, readVolume } from '../support/sharedReads';
import { UserData } from '../backup/userData';
import { sleep } from '../support/pace/waits';
import { tagList, tagMap } from '../support/tags';
import type { MovePlan } from '../../model/machines/facts';
import type { KnownInstance, KnownVolume } from '../support/known';

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

/** What became of snapshots. */
export interface SettledSnapshots {
  completed: string[];
  broken: { snapshotId: string; why: string }[];
}

/** Recovery points that moves leave: of the last moment on the originals, and of what was written to new volumes. */
export function keptPointActivities({ aws, manifests, settings }: ActivityDeps) {
  const { pollMs } = settings;

  return {
    /**
     * Begins a snapshot of each new volume, of a machine that is stopped: one set where all are attached to it, and each by
     * itself where a run before this one has detached them. Only what this run has begun is taken up: since another one
     * ended, somebody may have started the machine. What that one has begun is told, for these snapshots hold all of it.
     */
    async startKeeping(asked: KeepRequest): Promise<Keeping> {
      const ec2 = aws.ec2(asked.plan.target, 'migrate');
      // Asked before: where that is refused, nothing has been begun that another try would not know of.
      const earlier = await findEarlier(ec2, asked);
      return { snapshots: await keepNow(settings, ec2, asked), ...earlier };
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
        const why = isHeld(tagMap(Tags)) ? 'it is on legal hold' : undefined;
        const stays = await deleteUnlessItStays(ec2, snapshotId, why);
        if (stays) stay.push(stays);
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
        instance &&
        (await writeManifest(
          manifests,
          withOriginals(instance, volumes),
          originals,
          await new UserData(manifests, ec2, 1).of(instance),
        ));
      // Of what somebody has deleted there is nothing to keep, and the point is whole without it.
      const kept = { ...plan, disks: plan.disks.filter(({ volumeId }) => snapshots[volumeId] !== undefined) };
      for (const [original, snapshotId] of Object.entries(snapshots)) {
        Context.current().heartbeat(snapshotId);
        const Tags = tagList(
          movePointTags(
            {
              plan: kept,
              pointId,
              original,
              takenAtMs,
              maker,
              rootDevice: instance?.RootDeviceName,
              manifest,
            },
            usersTags(instance, originals, original),
          ),
        );
        await ec2.send(new CreateTagsCommand({ Resources: [snapshotId], Tags }));
      }
    },
  };
}

/** The machine as it was when the moment was taken: with its originals in their places. */
function withOriginals(instance: KnownInstance, volumes: Record<string, string>): KnownInstance {
  const originals = new Map(Object.entries(volumes).map(([original, id]) => [id, original]));
  return {
    ...instance,
    BlockDeviceMappings: instance.BlockDeviceMappings?.map((mapping) => {
      const original = valueAt(originals, mapping.Ebs?.VolumeId);
      return original ? { ...mapping, Ebs: { ...mapping.Ebs, VolumeId: original } } : mapping;
    }),
  };
}

/** As backups have them: the machine's, or those of a volume by itself. */
function usersTags(
  instance: KnownInstance | undefined,
  originals: readonly KnownVolume[],
  original: string,
): Record<string, string> {
  return tagMap((instance ?? originals.find(({ VolumeId }) => VolumeId === original))?.Tags);
}
