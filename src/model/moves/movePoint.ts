import type { Maker } from '../maker';
import { TAG } from '../names';
import { recoveryPointTags } from '../points/recoveryPoint';
import type { VolumeLine } from '../points/volumeLine';
import type { MovePlan } from '../machines/facts';

/** Policy name on the recovery points that moves leave. */
export const MOVE_POLICY = 'migration';

export interface MovePoint {
  /** Of the originals, whose attributes the point's volumes have. */
  plan: MovePlan;
  pointId: string;
  /** The original that this snapshot stands for. */
  original: string;
  /** The moment that it holds, in milliseconds since the epoch. */
  takenAtMs: number;
  maker: Maker;
  rootDevice?: string;
  manifest?: string;
}

/** The tags of one snapshot of a point that a move leaves: as a policy's points have them, and never expiring. */
export function movePointTags(
  { plan, pointId, original, takenAtMs, maker, rootDevice, manifest }: MovePoint,
  userTags: Readonly<Record<string, string>>,
): Record<string, string> {
  const volumes = Object.fromEntries(
    plan.disks.map((disk): [string, VolumeLine] => [
      disk.volumeId,
      {
        device: disk.device,
        type: disk.type,
        size: disk.size,
        iops: disk.iops,
        throughput: disk.throughput,
        root: disk.device === rootDevice,
        deleteOnTermination: disk.deleteOnTermination,
        multiAttach: disk.multiAttach ?? false,
        zone: disk.zone,
        kmsKeyId: plan.kmsKeyArn,
      },
    ]),
  );
  const tags = recoveryPointTags(
    {
      policyName: MOVE_POLICY,
      recoveryPointId: pointId,
      slotMs: takenAtMs,
      takenAt: takenAtMs,
      sourceInstance: plan.instanceId,
      volumes,
      minKeep: 1,
      rpoMs: 0,
      retention: { keep: 'forever' },
      timezone: 'UTC',
      manifest,
      ...maker,
    },
    userTags,
  );
  // A copy does not tell its source, and of several volumes the common tags do not tell which.
  return { ...tags, [TAG.sourceVolume]: original, [TAG.device]: volumes[original]?.device ?? '-' };
}
