import type { ActivityOptions } from '@temporalio/workflow';
import { mutate, wait } from '../../support/options';
import type { Migration } from '../migration';
import { deleteStaging } from '../undoing';

/** Snapshot ids by original volume id. */
export type Snapshots = Record<string, string>;

/** `seed` while the machine runs, `final` after the stop. */
export type Stage = 'seed' | 'final';

/** One consistent set of the volumes that move, completed. */
export async function takeSnapshots(migration: Migration, stage: Stage): Promise<Snapshots> {
  const { plan, id, run, undo, made } = migration;
  const { target, instanceId, disks } = plan;
  run.phase(stage === 'seed' ? 'Seeding' : 'Copying');
  undo.registerOnce('staging snapshots', () => deleteStaging(migration));
  const taken = await made.recordStaged(
    () =>
      mutate(`Snapshot ${instanceId} (${stage})`, duringDowntime(migration, stage)).startStagingSnapshots({
        plan,
        migrationId: id,
        stage,
      }),
    Object.values,
  );
  for (const { volumeId, device } of disks) run.row(volumeId, `${stage} snapshot`, device);
  await wait(`Wait for ${disks.length} ${stage} snapshots`, duringDowntime(migration, stage)).awaitSnapshots({
    target,
    snapshotIds: Object.values(taken),
    unhurried: stage === 'seed',
  });
  return taken;
}

export function duringDowntime({ downtime }: Migration, stage: Stage): ActivityOptions {
  return stage === 'final' ? downtime.bounded() : {};
}
