import { CancellationScope, CancelledFailure, patched } from '@temporalio/workflow';
import { drainTimeoutMs } from '../../model/machines/drain';
import type { InterruptedMigration, MigrateMachineRequest } from '../../model/moves/migration';
import { isBeforeStop } from '../../model/machines/marks';
import { FAILURE } from '../../model/failures';
import { fail, failedItem, failureType } from '../support/failure';
import { makerOf } from '../support/maker';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import { UndoStack } from '../support/undo';
import { cancelCapacity, releaseCapacity } from '../machines/capacity';
import { putBackInService } from '../machines/drain';
import { UNTIL_GONE } from './finalPoint';
import { goOn } from './hooks';
import { Made } from './made';
import type { Migration, Swapped } from './migration';
import { isDiversion, tryUntilDone, type Orders } from './orders';
import { putMachineBack } from './rollback';
import { markSoaking, passHealthGate, startMachine } from './steps';
import {
  deleteNewVolumes,
  deleteStaging,
  nameLeftAlone,
  putDisksBack,
  removeMarks,
  restorePower,
  stopAgain,
  verifyAsBefore,
  type Undoable,
} from './undoing';
import { Downtime } from '../machines/downtime';

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
  const look = read(`Look for an interrupted migration of ${instanceId}`, UNTIL_GONE);
  const found = await look.findInterrupted({ target, instanceId, kmsKeyArn });
  if (!found) return undefined;
  run.remark(`Migration ${found.migrationId} of this machine was interrupted.`);
  nameLeftAlone(run, found.unclear);
  const migration = interrupted(found, request, run, orders);
  if (isCommitted(found)) {
    await endCommit(migration);
    return undefined;
  }
  if (found.phase !== 'swap' && found.swapped && !found.goingBack) return takeOver(found, migration, request);
  try {
    await restore(found, migration, request);
  } catch (error) {
    if (!isDiversion(error, 'machineGone')) throw error;
    throw fail(FAILURE.notFound, `${instanceId} was terminated while it was put back; nothing was deleted`);
  }
  return undefined;
}

/** Its commit has deleted all originals. */
function isCommitted({ plan, committed = [] }: InterruptedMigration): boolean {
  return committed.length > 0 && plan.disks.every(({ volumeId }) => committed.includes(volumeId));
}

/** What a commit still has to do then. */
async function endCommit(migration: Migration): Promise<void> {
  const { plan, run } = migration;
  run.remark('Its commit had deleted the originals already: finishing it.');
  await tryEachUntilDone(migration, [
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeMarks],
  ]);
  for (const { volumeId } of plan.disks) run.row(volumeId, 'committed');
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
  const { replacements, createdAt, gone = [], committed = [] } = found;
  run.remark('It had swapped the volumes already: finishing it.');
  const lost = gone.filter((volumeId) => !committed.includes(volumeId)).join(', ');
  if (lost) run.remark(`Somebody has deleted ${lost}, which it kept.`);
  const swapped: Swapped = { migration, replacements, writesSince: createdAt, lastMoment: createdAt };
  // Its writes may be on the new volumes only, so a failure here is for a person to judge and not to undo.
  const step = (item: string, act: () => Promise<void>) =>
    tryUntilDone(orders, item, act, (error) => failedItem(item, error));
  if (found.phase !== 'start') {
    // A commit had begun, and has deleted one original: only the rest of it can follow.
    if (committed.length > 0) orders.insistOnCommit();
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

type Step = [string, (undoable: Undoable) => Promise<void>];

/** Of a migration that had begun to stop the machine: it starts before anything is deleted, which may be refused. */
const STOPPED_STEPS: Step[] = [
  ['stop the machine', stopAgain],
  ['put the original volumes back', putDisksBack],
  ['start the machine', restorePower],
  ['delete the new volumes', deleteNewVolumes],
];

/** As 0.1.0 did it. */
const DELETED_FIRST: Step[] = [
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
  const { run } = migration;
  run.phase('Putting an interrupted migration back');
  // What is on the new volumes is more than a migration's own: it is kept before they go.
  if (goingBack || mayHaveWritten || (phase === 'soak' && patched('rollback-is-finished'))) {
    await putMachineBack(migration, {
      isBack: goingBack !== undefined && (await isAsBefore(migration)),
      runsBefore: goingBack,
    });
    return;
  }
  const wasStopped = !isBeforeStop(phase);
  const stopped = () => (patched('machine-starts-before-deletes') ? STOPPED_STEPS : DELETED_FIRST);
  await tryEachUntilDone(migration, [
    ...(wasStopped ? stopped() : []),
    ['release capacity', (of) => cancelCapacity(of, false)],
    ...(hooks?.post ? [goingOn(migration, hooks)] : []),
    ...(drained ? [['register the machine again', putBackInService] satisfies Step] : []),
    ['delete staging snapshots', deleteStaging],
    ['remove the marks', removeMarks],
    ['verify', (of) => verifyAsBefore(of, { wasStopped })],
  ]);
}

function goingOn(migration: Migration, hooks: MigrateMachineRequest['hooks']): Step {
  return ['let the guest go on', () => goOn({ ...migration, terms: { hooks } })];
}

async function tryEachUntilDone(migration: Migration, steps: readonly Step[]): Promise<void> {
  for (const [item, step] of steps)
    await tryUntilDone(
      migration.orders,
      item,
      () => step(migration),
      (error) => failedItem(item, error),
    );
}
