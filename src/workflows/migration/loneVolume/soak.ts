import type { MigrateVolumeResult, VolumeReport } from '../../../model/loneVolume';
import { keptBy } from '../../../model/migrationMarks';
import { failedItem } from '../../support/failure';
import { mutate, undo, wait } from '../../support/options';
import type { Move } from '../migration';
import { untilDone, type Soak } from '../orders';
import { commit, untilVerdict, verdicts } from '../soak';
import { deleteNewVolumes, deleteStaging, planOfNewVolumes } from '../undoing';
import { nameOf, removeVolumeMarks, verifyUntouched } from './steps';

/** The original is kept until somebody commits or rolls back; a cancel rolls back. */
export async function soakVolume(move: Move, report: VolumeReport, soak: Soak): Promise<MigrateVolumeResult> {
  const [volumeId, made] = [nameOf(move), report.volumeIdMap[nameOf(move)]];
  move.run.row(volumeId, 'replaced', made);
  move.run.remark(
    `${made} replaces ${volumeId}, which is kept. ${verdicts(soak, 'delete the original', `delete ${made}`)}`,
  );
  return untilVerdict<MigrateVolumeResult>(move, soak, {
    commit: async () => {
      await commit(move, () => removeVolumeMarks(move));
      return { ...report, committed: true };
    },
    rollback: () => rollBack(move, report),
  });
}

/** What is on the new volume stays as an encrypted recovery point, and then it goes. */
async function rollBack(move: Move, report: VolumeReport): Promise<MigrateVolumeResult> {
  const { plan, id, run, orders } = move;
  const [keptId, newPlan] = [keptBy(id), planOfNewVolumes(plan, report.volumeIdMap)];
  const step = (item: string, act: () => Promise<unknown>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  run.phase('Rolling back');
  await step('nobody uses the new volume', () =>
    undo(`Check that nobody uses ${nameOf({ plan: newPlan })}`).requireAlone({ plan: newPlan }),
  );
  await step('keep what is on the new volume', () => keep(newPlan, keptId));
  await step('delete the new volume', () => deleteNewVolumes(move));
  await step('delete staging snapshots', () => deleteStaging(move));
  await step('remove the marks', () => removeVolumeMarks(move));
  await step('verify', () => verifyUntouched(move));
  return {
    ...report,
    outcome: 'rolledBack',
    message: 'rolled back to the original volume',
    volumeIdMap: {},
    committed: false,
    keptRecoveryPoint: keptId,
  };
}

async function keep(plan: Move['plan'], migrationId: string): Promise<void> {
  const volumeId = nameOf({ plan });
  const snapshotId = await mutate(`Snapshot ${volumeId}`).snapshotOriginal({ plan, migrationId, volumeId });
  const snapshotIds = [snapshotId];
  await mutate('Keep the snapshot').keepAsRecoveryPoint({ plan, migrationId, snapshotIds });
  await wait(`Wait for ${snapshotId}`).awaitSnapshots({ target: plan.target, snapshotIds });
}
