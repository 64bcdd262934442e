import { patched } from '@temporalio/workflow';
import { valueAt } from '../../model/group';
import { drainTimeoutMs } from '../../model/machines/drain';
import type { LeftVolume, MigrateMachineResult, MigrationReport } from '../../model/moves/migration';
import { keptBy } from '../../model/machines/marks';
import { TemporalFailure } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import { failedItem, failureType, reasonOf } from '../support/failure';
import { batch, mutate, undo, wait } from '../support/options';
import { putBackInService, drainForRollback } from '../machines/drain';
import { goOn, tryPre } from './hooks';
import type { Migration, Move } from './migration';
import { isDiversion, machineGone, tryUntilDone } from './orders';
import { lookAtMachine } from './soakWatch';
import {
  deleteNewVolumes,
  deleteStaging,
  nameLeftAlone,
  planOfNewVolumes,
  putDisksBack,
  removeMarks,
  restorePower,
  stopAgain,
  verifyAsBefore,
} from './undoing';

type Step = (item: string, act: () => Promise<unknown>) => Promise<void>;

/** What fails waits for a person. */
export function stepsOf({ orders }: Pick<Move, 'orders'>): Step {
  return (item, act) => tryUntilDone(orders, item, act, (error) => failedItem(item, error));
}

/** The same for steps of a machine, which end all where it is terminated meanwhile. */
function machineStepsOf(migration: Migration): Step {
  const step = stepsOf(migration);
  return (item, act) =>
    step(item, async () => {
      try {
        await act();
      } catch (error) {
        const isGone = failureType(error) === FAILURE.notFound && (await lookAtMachine(migration)) === 'gone';
        throw isGone ? machineGone(migration.plan.instanceId) : error;
      }
    });
}

/**
 * Back to the originals, the machine first: its snapshots are a moment and need not be complete for that. What was
 * written to the new volumes since the start stays as an encrypted recovery point, or, where none can be made, on the volumes.
 */
export async function rollBackSwap(
  migration: Migration,
  report: MigrationReport,
): Promise<MigrateMachineResult> {
  if (!patched('rollback-puts-the-machine-back-first')) return rollBackAsBefore(migration, report);
  migration.run.phase('Rolling back');
  const asItRuns = await readPowerNow(migration);
  await prepareReturn(asItRuns);
  migration.orders.finalize();
  const kept = await putMachineBack(asItRuns);
  const stays = kept.left.map(({ volumeId, why }) => `${volumeId} (${why})`).join(', ');
  const message = stays
    ? `rolled back to the original volumes; what was written since stays on ${stays}`
    : 'rolled back to the original volumes';
  return {
    ...report,
    outcome: 'rolledBack',
    message,
    volumeIdMap: {},
    committed: false,
    ...(kept.pointId && { keptRecoveryPoint: kept.pointId }),
    ...(kept.left.length > 0 && { leftVolumes: kept.left }),
  };
}

/** Somebody may have started a machine that was stopped when it was planned, and uses it: then it runs afterwards too. */
async function readPowerNow(migration: Migration): Promise<Migration> {
  const machine = await lookAtMachine(migration);
  if (migration.plan.wasRunning || (machine !== 'running' && machine !== 'healthy')) return migration;
  return { ...migration, plan: { ...migration.plan, wasRunning: true } };
}

/** What can be asked is asked while the machine runs; until here the verdict can be changed. */
async function prepareReturn(migration: Migration): Promise<void> {
  const { plan, id, terms, orders, made } = migration;
  const step = machineStepsOf(migration);
  await step('ask whether the originals can be put back', () =>
    undo('Ask whether the originals can be put back').requireReturnable({ plan, migrationId: id }),
  );
  if (plan.wasRunning)
    await step('ask whether the machine could start again', () =>
      undo('Ask whether volumes that stay can be read').requireStays({ plan, volumes: made.volumes }),
    );
  try {
    await step('take the machine out of its target groups', () => drainForRollback(migration));
  } catch (error) {
    if (isDiversion(error, 'verdictChanged') && drainTimeoutMs(terms.drain) !== undefined) {
      orders.finalize();
      await step('register the machine again', () => putBackInService(migration));
    }
    throw error;
  }
}

export interface KeptWrites {
  /** Recovery point of what could be kept. */
  pointId?: string;
  /** New volumes that stay, because what is on them could not be kept. */
  left: LeftVolume[];
}

/** What runs before this one have done of a rollback. */
interface Earlier {
  /** It has its originals again, and its power: nothing of it is touched once more. */
  isBack?: boolean;
  /** Those runs; the machine's mark names them. */
  runsBefore?: string[] | undefined;
}

/** From the stop on. A run that finds a machine on this way back goes it to its end. */
export async function putMachineBack(
  migration: Migration,
  { isBack = false, runsBefore = [] }: Earlier = {},
): Promise<KeptWrites> {
  const { plan, id, terms, maker } = migration;
  const before = runsBefore.filter((run) => run !== maker.runId);
  const step = machineStepsOf(migration);
  await step('mark the machine', () =>
    mutate(`Mark ${plan.instanceId} as going back`).markMachine({
      ...{ plan, migrationId: id, phase: 'soak', goingBack: [...before, maker.runId] },
    }),
  );
  if (!isBack) {
    await tryPre(migration);
    await step('stop the machine', () => stopAgain(migration));
  }
  const stoppedAt = Date.now();
  const begun = await beginKeeping(migration, { runsBefore: before });
  if (!isBack) {
    await step('put the original volumes back', () => putDisksBack(migration));
    await step('start the machine', () => restorePower(migration));
    await goOn(migration);
    // Now: once the snapshots are complete, somebody may have stopped it for reasons of his own.
    await step('verify', () => verifyAsBefore(migration));
  }
  if (terms.drain) await step('register the machine again', () => putBackInService(migration));
  let kept: KeptWrites = { left: [] };
  await step('keep what was written since', async () => {
    kept = await keepWhatCompletes(migration, begun, stoppedAt);
  });
  const stay = kept.left.map(({ volumeId }) => volumeId);
  await step('delete the new volumes', () => deleteNewVolumes(migration, stay));
  await step('delete staging snapshots', () => deleteStaging(migration));
  await step('remove the marks', () => removeMarks(migration, stay));
  return kept;
}

interface Begun {
  /** By original. */
  snapshots: Record<string, string>;
  /** By original: what a run before this one had begun, all of which is in those. */
  earlier?: Record<string, string[]>;
  /** Why none could be begun. */
  problem?: string;
  runsBefore: string[];
}

/** That a snapshot cannot be made keeps no machine from going back: its new volumes stay then, with all that is on them. */
export async function beginKeeping(
  move: Move,
  { runsBefore = [], again = false }: { runsBefore?: string[]; again?: boolean } = {},
): Promise<Begun> {
  const { plan, id, made } = move;
  try {
    const { snapshots, earlier, unclear } = await undo('Snapshot the new volumes', {
      startToCloseTimeout: '2 minutes',
    }).startKeeping({
      ...{ plan, pointId: keptBy(id), volumes: made.volumes, runId: move.maker.runId },
      ...{ runsBefore, again },
    });
    nameLeftAlone(move.run, unclear);
    return { snapshots, earlier, runsBefore };
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    const problem = reasonOf(error);
    move.run.remark(`What was written to the new volumes could not be snapshotted: ${problem}.`);
    return { snapshots: {}, problem, runsBefore };
  }
}

/** Also of a volume by itself. What could not be begun while a machine waited is tried once more: nothing can have been written since. */
export async function keepWhatCompletes(move: Move, begun: Begun, takenAtMs: number): Promise<KeptWrites> {
  const { plan, id, made, run, maker } = move;
  const {
    snapshots,
    earlier = {},
    problem = 'no snapshot of it could be begun',
  } = begun.problem === undefined ? begun : await beginKeeping(move, { ...begun, again: true });
  const [pointId, snapshotIds] = [keptBy(id), Object.values(snapshots)];
  const settled = await wait(`Wait for ${snapshotIds.length} snapshots`).settledSnapshots({
    target: plan.target,
    snapshotIds,
  });
  const whyBroken = new Map(settled.broken.map(({ snapshotId, why }) => [snapshotId, why]));
  const isWhole = ([, snapshotId]: [string, string]) => settled.completed.includes(snapshotId);
  const whole = Object.fromEntries(Object.entries(snapshots).filter(isWhole));
  if (Object.keys(whole).length > 0)
    await batch('Keep the snapshots').keepPoint({
      ...{ plan, pointId, snapshots: whole, volumes: made.volumes, takenAtMs, maker },
    });
  await deleteEarlier(
    move,
    Object.keys(whole).flatMap((original) => earlier[original] ?? []),
  );
  const left = Object.entries(made.volumes).flatMap(([original, volumeId]) => {
    if (whole[original] !== undefined) return [];
    return { volumeId, why: valueAt(whyBroken, snapshots[original]) ?? problem };
  });
  for (const { volumeId, why } of left) {
    run.row(volumeId, 'stays', why);
    run.remark(
      `${volumeId} stays, detached and marked: what was written to it is nowhere else (${why}). Snapshot it once that can be done, and delete it then.`,
    );
  }
  if (left.length > 0) {
    const volumeIds = left.map(({ volumeId }) => volumeId);
    await mutate('Mark the volumes that stay').markLeft({ target: plan.target, migrationId: id, volumeIds });
  }
  return { ...(Object.keys(whole).length > 0 && { pointId }), left };
}

/** Later snapshots of the same volumes hold all that these hold. */
async function deleteEarlier({ plan: { target }, run }: Move, snapshotIds: string[]): Promise<void> {
  if (snapshotIds.length === 0) return;
  const stay = await batch('Delete what an earlier run had kept').deleteSuperseded({ target, snapshotIds });
  for (const { item, message } of stay)
    run.remark(`${item}, which an earlier run of this rollback had kept, stays: ${message}.`);
}

/** As 0.1.0 did it: the machine was down until the snapshots were complete. */
async function rollBackAsBefore(
  migration: Migration,
  report: MigrationReport,
): Promise<MigrateMachineResult> {
  const { plan, id, run, terms } = migration;
  const { target } = plan;
  const keptId = keptBy(id);
  const step = stepsOf(migration);
  migration.orders.finalize();
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
  if (terms.drain) await step('register the machine again', () => putBackInService(migration));
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
