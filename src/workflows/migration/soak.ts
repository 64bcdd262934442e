import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { MigrateMachineResult, MigrationReport } from '../../model/migration';
import { keptBy } from '../../model/migrationMarks';
import { failedItem } from '../support/failure';
import { mutate, wait } from '../support/options';
import { backInService, drainForRollback } from './drain';
import { finalPoint } from './finalPoint';
import { goOn, tryPre } from './hooks';
import type { Migration, Move } from './migration';
import { untilDone, type Soak } from './orders';
import {
  deleteNewVolumes,
  deleteStaging,
  planOfNewVolumes,
  putDisksBack,
  removeMarks,
  restorePower,
  stopAgain,
  verifyAsBefore,
} from './undoing';

/**
 * The originals are kept until somebody commits or rolls back; a cancel rolls back. Once decided it is carried
 * through: a step that fails waits for a person.
 */
export async function soakUntilVerdict(
  migration: Migration,
  report: MigrationReport,
  soak: Soak,
): Promise<MigrateMachineResult> {
  migration.run.remark(
    `The original volumes of ${migration.plan.instanceId} are kept. ${verdicts(soak, 'delete them', 'put them back')}`,
  );
  return untilVerdict<MigrateMachineResult>(migration, soak, {
    commit: async () => {
      await commit(migration, () => removeMarks(migration));
      return { ...report, committed: true };
    },
    rollback: () => rollBackSwap(migration, report),
  });
}

export function soakOf({ soakMs }: { soakMs?: number }, { writesSince }: { writesSince: number }): Soak {
  return { writesSince, ...(soakMs !== undefined && { soakMs }) };
}

/** What a person can send, with what a rollback has to say. */
export function verdicts({ writesSince }: Soak, commits: string, rollsBack: string): string {
  const since = new Date(writesSince).toISOString();
  return `Send \`commit\` to ${commits}, or \`rollback\` with \`"acceptWriteLossSince": "${since}"\` to ${rollsBack}.`;
}

/** Waits for the verdict, and carries it through although the run is cancelled. */
export async function untilVerdict<Result>(
  { run, orders }: Move,
  soak: Soak,
  carryOut: Record<'commit' | 'rollback', () => Promise<Result>>,
): Promise<Result> {
  run.phase('Soaking');
  let verdict: 'commit' | 'rollback' = 'rollback';
  let cancelled: Error | undefined;
  try {
    verdict = await orders.verdictWithin(soak);
  } catch (error) {
    if (!isCancellation(error) || !(error instanceof Error)) throw error;
    cancelled = error;
  }
  const result = await CancellationScope.nonCancellable(carryOut[verdict]);
  if (cancelled) throw cancelled;
  return result;
}

/** The commit point: originals are deleted; encrypted snapshots of their last moment stay as a recovery point. */
export async function commit(move: Move, removeMarks: () => Promise<unknown>): Promise<void> {
  const { plan, id, run, orders } = move;
  const step = (item: string, act: () => Promise<unknown>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  run.phase('Committing');
  let kept: string[] = [];
  await step('keep the final recovery point', async () => {
    kept = await finalPoint(move);
    await mutate('Keep the final encrypted snapshots').keepAsRecoveryPoint({
      plan,
      migrationId: id,
      snapshotIds: kept,
    });
  });
  await step('delete the originals', () =>
    mutate('Delete the original volumes').deleteOriginals({ plan, migrationId: id }),
  );
  await step('delete staging snapshots', () => deleteStaging(move, kept));
  await step('remove the marks', removeMarks);
}

/** Back to the originals. What was written to the new volumes since the start stays as an encrypted recovery point. */
async function rollBackSwap(migration: Migration, report: MigrationReport): Promise<MigrateMachineResult> {
  const { plan, id, run, orders, terms } = migration;
  const { target } = plan;
  const keptId = keptBy(id);
  const step = (item: string, act: () => Promise<unknown>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  run.phase('Rolling back');
  await step('take the machine out of its target groups', () => drainForRollback(migration));
  await tryPre(migration);
  await step('stop the machine', () => stopAgain(migration));
  await step('keep what was written since', async () => {
    const newPlan = planOfNewVolumes(plan, report.volumeIdMap);
    const snapshots = await mutate('Snapshot the new volumes').startStagingSnapshots({
      plan: newPlan,
      migrationId: keptId,
      stage: 'rollback',
    });
    const snapshotIds = Object.values(snapshots);
    await mutate('Keep the snapshots').keepAsRecoveryPoint({ plan, migrationId: keptId, snapshotIds });
    await wait(`Wait for ${snapshotIds.length} snapshots`).awaitSnapshots({ target, snapshotIds });
  });
  await step('put the original volumes back', () => putDisksBack(migration));
  await step('start the machine', () => restorePower(migration));
  await goOn(migration);
  if (terms.drain) await step('register the machine again', () => backInService(migration));
  await step('delete the new volumes', () => deleteNewVolumes(migration));
  await step('delete staging snapshots', () => deleteStaging(migration));
  await step('remove the marks', () => removeMarks(migration));
  await step('verify', () => verifyAsBefore(migration));
  return {
    ...report,
    outcome: 'rolledBack',
    message: 'rolled back to the original volumes',
    volumeIdMap: {},
    committed: false,
    keptRecoveryPoint: keptId,
  };
}
