import { patched } from '@temporalio/workflow';
import type { MigrateVolumeResult, VolumeReport } from '../../../model/moves/loneVolume';
import { keptBy } from '../../../model/machines/marks';
import { mutate, undo, wait } from '../../support/options';
import type { Move } from '../migration';
import type { Soak } from '../orders';
import { beginKeeping, keepWhatCompletes, stepsOf, type KeptWrites } from '../rollback';
import { commit, committed, soakText, carryOutVerdict, withoutVerdict } from '../soak';
import { deleteNewVolumes, deleteStaging, planOfNewVolumes } from '../undoing';
import { nameOf, removeVolumeMarks, verifyUntouched, type Moved } from './steps';

/** The original is kept until somebody commits or rolls back; a cancel rolls back. */
export async function soakVolume(
  { move, lastMoment }: Moved,
  report: VolumeReport,
  soak: Soak,
): Promise<MigrateVolumeResult> {
  const [volumeId, made] = [nameOf(move), report.volumeIdMap[nameOf(move)]];
  move.run.row(volumeId, 'replaced', `by ${made}`);
  const endsAt = Date.now() + (soak.soakMs ?? 0);
  move.run.waitsFor(
    soakText(
      `${made} replaces ${volumeId}, which is kept until somebody decides: \`commit\` deletes it, and keeps a recovery point of its last moment; \`rollback\` deletes ${made}, and keeps what is on it as a recovery point.`,
      soak,
      withoutVerdict(soak, endsAt, 'the original is deleted'),
    ),
  );
  return carryOutVerdict<MigrateVolumeResult>(move, () => move.orders.awaitVerdictWithin(soak), {
    commit: async () => {
      const kept = await commit(move, lastMoment, () => removeVolumeMarks(move));
      return { ...report, ...committed(move, kept, `${volumeId} is deleted`), committed: true };
    },
    rollback: () => rollBackReplacement(move, report),
  });
}

/** What is on the new volume stays as an encrypted recovery point, and then it goes; where none can be made, it stays. */
async function rollBackReplacement(move: Move, report: VolumeReport): Promise<MigrateVolumeResult> {
  const { plan, run, orders } = move;
  const newPlan = planOfNewVolumes(plan, report.volumeIdMap);
  const step = stepsOf(move);
  run.phase('Rolling back');
  await step('nobody uses the new volume', () =>
    undo(`Check that nobody uses ${nameOf({ plan: newPlan })}`).requireAlone({ plan: newPlan }),
  );
  const keepsWhatItCannotKeep = patched('new-volume-stays-where-it-cannot-be-kept');
  orders.finalize();
  let kept: KeptWrites = { pointId: keptBy(move.id), left: [] };
  if (keepsWhatItCannotKeep) kept = await putVolumeBack(move);
  else {
    await step('keep what is on the new volume', () => keepAsBefore(newPlan, keptBy(move.id)));
    await removeNewVolume(move, []);
  }
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

/**
 * From where it cannot be left on. A run that finds a volume on this way back goes it to its end.
 *
 * @param runsBefore that have gone it; the original's mark names them
 */
export async function putVolumeBack(move: Move, runsBefore: readonly string[] = []): Promise<KeptWrites> {
  const { plan, id, made, maker } = move;
  const step = stepsOf(move);
  const before = runsBefore.filter((run) => run !== maker.runId);
  const replacedBy = made.volumes[nameOf(move)];
  await step('mark the original', () =>
    mutate(`Mark ${nameOf(move)} as going back`).markVolume({
      ...{ plan, migrationId: id, phase: 'soak', goingBack: [...before, maker.runId] },
      ...(replacedBy !== undefined && { replacedBy }),
    }),
  );
  const takenAt = Date.now();
  let kept: KeptWrites = { left: [] };
  await step('keep what is on the new volume', async () => {
    kept = await keepWhatCompletes(move, await beginKeeping(move, { runsBefore: before }), takenAt);
  });
  const stay = kept.left.map(({ volumeId }) => volumeId);
  await removeNewVolume(move, stay);
  return kept;
}

async function removeNewVolume(move: Move, stay: readonly string[]): Promise<void> {
  const step = stepsOf(move);
  await step('delete the new volume', () => deleteNewVolumes(move, stay));
  await step('delete staging snapshots', () => deleteStaging(move));
  await step('remove the marks', () => removeVolumeMarks(move, stay));
  await step('verify', () => verifyUntouched(move, stay));
}

/** As 0.1.0 did it. */
async function keepAsBefore(plan: Move['plan'], migrationId: string): Promise<void> {
  const volumeId = nameOf({ plan });
  const snapshotId = await mutate(`Snapshot ${volumeId}`).snapshotOriginal({ plan, migrationId, volumeId });
  const snapshotIds = [snapshotId];
  await mutate('Keep the snapshot').keepAsRecoveryPoint({ plan, migrationId, snapshotIds });
  await wait(`Wait for ${snapshotId}`).awaitSnapshots({ target: plan.target, snapshotIds });
}
