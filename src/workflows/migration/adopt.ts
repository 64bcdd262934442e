import { CancellationScope, CancelledFailure, patched } from '@temporalio/workflow';
import { drainTimeoutMs } from '../../model/drain';
import type { InterruptedMigration, MigrateMachineRequest } from '../../model/migration';
import { FAILURE } from '../../model/failures';
import { fail, failedItem, failureType } from '../support/failure';
import { makerOf } from '../support/maker';
import type { Run } from '../support/operation';
import { mutate, read } from '../support/options';
import { UndoStack } from '../support/undo';
import { cancelCapacity, releaseCapacity } from './capacity';
import { backInService } from './drain';
import { goOn } from './hooks';
import { Made } from './made';
import { Downtime, type Migration, type Swapped } from './migration';
import { isDiversion, untilDone, type Orders } from './orders';
import { goBack } from './rollback';
import { markSoaking, passHealthGate, startMachine } from './steps';
import {
  deleteNewVolumes,
  deleteStaging,
  leftAlone,
  putDisksBack,
  removeMarks,
  restorePower,
  stopAgain,
  verifyAsBefore,
  type Undoable,
} from './undoing';

/**
 * A migration that was terminated could neither finish nor undo. If the machine has all its new volumes and its
 * start had begun, that migration is taken over where it was; otherwise everything is put back, and the caller begins
 * anew. What has begun is carried through: a cancel ends the run after it.
 */
export async function adoptInterrupted(
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Promise<Swapped | undefined> {
  if (!patched('take-over-is-carried-through')) return adopt(request, run, orders);
  const scope = CancellationScope.current();
  const swapped = await CancellationScope.nonCancellable(() => adopt(request, run, orders));
  // A soak that was taken over hears of the cancel by itself, and rolls back.
  if (!swapped && scope.consideredCancelled)
    throw new CancelledFailure('it was cancelled; what an interrupted migration had left was put back first');
  return swapped;
}

async function adopt(request: MigrateMachineRequest, run: Run, orders: Orders): Promise<Swapped | undefined> {
  const { target, instanceId, kmsKeyArn } = request;
  const found = await read(`Look for an interrupted migration of ${instanceId}`).findInterrupted({
    target,
    instanceId,
    kmsKeyArn,
  });
  if (!found) return undefined;
  run.remark(`Migration ${found.migrationId} of this machine was interrupted.`);
  leftAlone(run, found.unclear);
  if (await isCommitted(found, run)) return undefined;
  const migration = interrupted(found, request, run, orders);
  if (found.phase !== 'swap' && found.swapped && !found.goingBack) return takeOver(found, migration, request);
  try {
    await restore(found, migration, request);
  } catch (error) {
    if (!isDiversion(error, 'machineGone')) throw error;
    throw fail(FAILURE.notFound, `${instanceId} was terminated while it was put back; nothing was deleted`);
  }
  return undefined;
}

/** Its commit had begun, which nothing takes back: what it still had to do is done. */
async function isCommitted(
  { migrationId, plan, committed: volumeIds = [], deleted = [], staged }: InterruptedMigration,
  run: Run,
): Promise<boolean> {
  if (volumeIds.length === 0) return false;
  const machine = plan.disks.length === 0;
  const disks = deleted.map((volumeId) => ({ volumeId }));
  const pairs = Object.fromEntries(deleted.map((volumeId, index) => [volumeId, volumeIds[index] ?? '']));
  const made = Made.before(pairs, [], staged);
  await deleteStaging({ id: migrationId, plan: { target: plan.target, disks }, run, made });
  await mutate(`Remove the marks of ${plan.instanceId}`).unmarkCommitted({ plan, volumeIds, machine });
  return machine;
}

function interrupted(
  { migrationId: id, plan, drained, replacements, named = {}, staged }: InterruptedMigration,
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Migration {
  const { maxDowntimeMs, healthChecks, drain, hooks } = request;
  const unnamed = plan.disks.map(({ volumeId }) => volumeId).filter((volumeId) => !named[volumeId]);
  return {
    ...{ id, plan, run, orders },
    undo: new UndoStack(),
    // What that run took out of its target groups has to be in them again, whatever this one was asked.
    terms: { drain: drainTimeoutMs(drain) === undefined ? drained : drain, hooks, healthChecks },
    downtime: new Downtime(maxDowntimeMs),
    made: Made.before(replacements, unnamed, staged),
    maker: makerOf(request),
  };
}

async function takeOver(
  found: InterruptedMigration,
  migration: Migration,
  { healthChecks }: MigrateMachineRequest,
): Promise<Swapped> {
  const { orders, run } = migration;
  const { replacements, createdAt } = found;
  run.remark('It had swapped the volumes already: finishing it.');
  const swapped: Swapped = { migration, replacements, writesSince: createdAt, lastMoment: createdAt };
  // Its writes may be on the new volumes only, so a failure here is for a person to judge and not to undo.
  const step = (item: string, act: () => Promise<void>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  if (found.phase !== 'start') {
    // A commit had begun, and one original is gone: only the rest of it can follow.
    if ((found.committed ?? []).length > 0) orders.insistOnCommit();
    return { ...swapped, ...(await whyItCannotStart(migration)) };
  }
  orders.offer(createdAt);
  orders.leave();
  try {
    await step('start the machine', () => startMachine(migration));
    await step('health checks', () => passHealthGate(migration, healthChecks));
    await step('mark the machine', () => markSoaking(migration));
    await releaseCapacity(migration);
    return swapped;
  } catch (error) {
    if (!isDiversion(error, 'verdictChanged')) throw error;
    return { ...swapped, unwell: `it was not well on its new volumes, and was told to ${orders.given}` };
  } finally {
    orders.withdraw();
  }
}

/** A machine that is down under a key that nobody can use is not encrypted and well: a person has to decide. */
async function whyItCannotStart({ plan }: Migration): Promise<Pick<Swapped, 'unwell'>> {
  const { target, instanceId, kmsKeyArn, wasRunning } = plan;
  if (!wasRunning || !patched('soak-looks-at-the-machine')) return {};
  const machine = await read(`Look at ${instanceId}`).lookAtMachine({ target, instanceId });
  if (machine !== 'stopped') return {};
  const problem = await read('Look at its key').keyProblem({ target, kmsKeyArn });
  return problem === undefined ? {} : { unwell: `it is stopped, and cannot start: ${kmsKeyArn}: ${problem}` };
}

/** Whether a rollback that was terminated had brought the machine back already. */
async function isAsBefore({ plan }: Migration): Promise<boolean> {
  try {
    await read(`Look whether ${plan.instanceId} is back`).requireAsPlanned({
      plan,
      running: plan.wasRunning,
    });
    return true;
  } catch (error) {
    if (failureType(error) !== FAILURE.conflict) throw error;
    return false;
  }
}

/** Of a migration that had begun to stop the machine. */
const STOPPED_STEPS: [string, (undoable: Undoable) => Promise<void>][] = [
  ['stop the machine', stopAgain],
  ['put the original volumes back', putDisksBack],
  ['delete the new volumes', deleteNewVolumes],
  ['start the machine', restorePower],
];

async function restore(
  { phase, drained, goingBack, mayHaveWritten }: InterruptedMigration,
  migration: Migration,
  { hooks }: MigrateMachineRequest,
): Promise<void> {
  const { run, orders } = migration;
  run.phase('Putting an interrupted migration back');
  // What is on the new volumes is more than a migration's own: it is kept before they go.
  if (goingBack || mayHaveWritten || (phase === 'soak' && patched('rollback-is-finished'))) {
    await goBack(migration, goingBack === true && (await isAsBefore(migration)));
    return;
  }
  type Step = [string, (undoable: Undoable) => Promise<void>];
  const steps: Step[] = [
    ...(phase === 'rest' ? [] : STOPPED_STEPS),
    ['release capacity', (of) => cancelCapacity(of, false)],
    ...(hooks?.post
      ? [['let the guest go on', () => goOn({ ...migration, terms: { hooks } })] satisfies Step]
      : []),
    ...(drained ? [['register the machine again', backInService] satisfies Step] : []),
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeMarks],
    ['verify', verifyAsBefore],
  ];
  for (const [item, step] of steps)
    await untilDone(
      orders,
      item,
      () => step(migration),
      (error) => failedItem(item, error),
    );
}
