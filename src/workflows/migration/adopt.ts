import { drainTimeoutMs } from '../../model/drain';
import type { InterruptedMigration, MigrateMachineRequest } from '../../model/migration';
import { failedItem } from '../support/failure';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import { UndoStack } from '../support/undo';
import { cancelCapacity, releaseCapacity } from './capacity';
import { backInService } from './drain';
import { goOn } from './hooks';
import { Downtime, type Migration, type Swapped } from './migration';
import { untilDone, type Orders } from './orders';
import { markSoaking, passHealthGate, startMachine } from './steps';
import {
  deleteNewVolumes,
  deleteStaging,
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
 * anew.
 */
export async function adoptInterrupted(
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Promise<Swapped | undefined> {
  const { target, instanceId, kmsKeyArn } = request;
  const found = await read(`Look for an interrupted migration of ${instanceId}`).findInterrupted({
    target,
    instanceId,
    kmsKeyArn,
  });
  if (!found) return undefined;
  run.remark(`Migration ${found.migrationId} of this machine was interrupted.`);
  if (found.phase !== 'swap' && found.swapped) return takeOver(found, request, run, orders);
  await restore(found, request, run, orders);
  return undefined;
}

async function takeOver(
  found: InterruptedMigration,
  { maxDowntimeMs, healthChecks, drain, hooks }: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Promise<Swapped> {
  const { migrationId: id, plan } = found;
  run.remark('It had swapped the volumes already: finishing it.');
  const migration: Migration = {
    id,
    plan,
    run,
    orders,
    undo: new UndoStack(),
    // What that run took out of its target groups has to be in them again, whatever this one was asked.
    terms: { drain: drainTimeoutMs(drain) === undefined ? found.drained : drain, hooks },
    downtime: new Downtime(maxDowntimeMs),
  };
  // Its writes may be on the new volumes only, so a failure here is for a person to judge and not to undo.
  const step = (item: string, act: () => Promise<void>) =>
    untilDone(orders, item, act, (error) => failedItem(item, error));
  if (found.phase === 'start') {
    await step('start the machine', () => startMachine(migration));
    await step('health checks', () => passHealthGate(migration, healthChecks));
    await step('mark the machine', () => markSoaking(migration));
    await releaseCapacity(migration);
  }
  return { migration, replacements: found.replacements, writesSince: found.createdAt };
}

/** Of a migration that had begun to stop the machine. */
const STOPPED_STEPS: [string, (undoable: Undoable) => Promise<void>][] = [
  ['stop the machine', stopAgain],
  ['put the original volumes back', putDisksBack],
  ['delete the new volumes', deleteNewVolumes],
  ['start the machine', restorePower],
];

async function restore(
  { migrationId: id, plan, phase, drained }: InterruptedMigration,
  { hooks }: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Promise<void> {
  run.phase('Putting an interrupted migration back');
  const undoable: Undoable = { id, plan, run };
  type Step = [string, (undoable: Undoable) => Promise<void>];
  const steps: Step[] = [
    ...(phase === 'rest' ? [] : STOPPED_STEPS),
    ['release capacity', (of) => cancelCapacity(of, false)],
    ...(hooks?.post
      ? [['let the guest go on', () => goOn({ ...undoable, terms: { hooks } })] satisfies Step]
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
      () => step(undoable),
      (error) => failedItem(item, error),
    );
}
