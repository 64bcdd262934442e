import { patched } from '@temporalio/workflow';
import type { MigrateVolumeResult, VolumeReport } from '../../../model/loneVolume';
import { keptBy } from '../../../model/migrationMarks';
import { failedItem } from '../../support/failure';
import { mutate, undo, wait } from '../../support/options';
import type { Move } from '../migration';
import { untilDone, type Soak } from '../orders';
import { beginKeeping, keepWhatCompletes } from '../rollback';
import { commit, untilVerdict, verdicts, withoutVerdict } from '../soak';
import { deleteNewVolumes, deleteStaging, planOfNewVolumes } from '../undoing';
import { nameOf, removeVolumeMarks, verifyUntouched, type Moved } from './steps';

/** The original is kept until somebody commits or rolls back; a cancel rolls back. */
export async function soakVolume(
  { move, lastMoment }: Moved,
  report: VolumeReport,
  soak: Soak,
): Promise<MigrateVolumeResult> {
  const [volumeId, made] = [nameOf(move), report.volumeIdMap[nameOf(move)]];
  move.run.row(volumeId, 'replaced', made);
  const endsAt = Date.now() + (soak.soakMs ?? 0);
  move.run.waitsFor(
    `${made} replaces ${volumeId}, which is kept. ${verdicts(soak, 'delete the original', `delete ${made}`)}${withoutVerdict(soak, endsAt, 'the original is deleted')}`,
  );
  return untilVerdict<MigrateVolumeResult>(move, () => move.orders.verdictWithin(soak), {
    commit: async () => {
      await commit(move, lastMoment, () => removeVolumeMarks(move));
      const message = `committed: ${volumeId} is deleted, and a recovery point of its last moment stays`;
      return { ...report, message, committed: true };
    },
    rollback: () => rollBack(move, report),
  });
}

/** What is on the new volume stays as an encrypted recovery point, and then it goes; where none can be made, it stays. */
async function rollBack(move: Move, report: VolumeReport): Promise<MigrateVolumeResult> {
  const { plan, run, orders } = move;
  const newPlan = planOfNewVolumes(plan, report.volumeIdMap);
  const step = (item: string, act: () => Promise<unknown>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  run.phase('Rolling back');
  await step('nobody uses the new volume', () =>
    undo(`Check that nobody uses ${nameOf({ plan: newPlan })}`).requireAlone({ plan: newPlan }),
  );
  const keepsWhatItCannotKeep = patched('new-volume-stays-where-it-cannot-be-kept');
  orders.finalize();
  const takenAt = Date.now();
  let kept: Awaited<ReturnType<typeof keepWhatCompletes>> = { pointId: keptBy(move.id), left: [] };
  await step('keep what is on the new volume', async () => {
    if (keepsWhatItCannotKeep) kept = await keepWhatCompletes(move, await beginKeeping(move), takenAt);
    else await keepAsBefore(newPlan, keptBy(move.id));
  });
  const stay = kept.left.map(({ volumeId }) => volumeId);
  await step('delete the new volume', () => deleteNewVolumes(move, stay));
  await step('delete staging snapshots', () => deleteStaging(move));
  await step('remove the marks', () => removeVolumeMarks(move, stay));
  await step('verify', () => verifyUntouched(move, stay));
  const stays = kept.left.map(({ volumeId, why }) => `${volumeId} stays (${why})`).join('; ');
  return {
    ...report,
    outcome: 'rolledBack',
    message: ['rolled back to the original volume', ...(stays ? [stays] : [])].join('; '),
    volumeIdMap: {},
    committed: false,
    ...(kept.pointId && { keptRecoveryPoint: kept.pointId }),
    ...(kept.left.length > 0 && { leftVolumes: kept.left }),
  };
}

/** As 0.1.0 did it. */
async function keepAsBefore(plan: Move['plan'], migrationId: string): Promise<void> {
  const volumeId = nameOf({ plan });
  const snapshotId = await mutate(`Snapshot ${volumeId}`).snapshotOriginal({ plan, migrationId, volumeId });
  const snapshotIds = [snapshotId];
  await mutate('Keep the snapshot').keepAsRecoveryPoint({ plan, migrationId, snapshotIds });
  await wait(`Wait for ${snapshotId}`).awaitSnapshots({ target: plan.target, snapshotIds });
}
