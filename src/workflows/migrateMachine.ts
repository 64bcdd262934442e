import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { FAILURE } from '../model/failures';
import {
  migrateMachineInput,
  type MigrateMachineInput,
  type MigrateMachineRequest,
  type MigrateMachineResult,
  type MigrationReport,
} from '../model/migration';
import { adoptInterrupted } from './migration/adopt';
import { announced, failedMove } from './migration/announce';
import { newMigration, type Migration, type Swapped } from './migration/migration';
import { Orders } from './migration/orders';
import { soakUntilVerdict } from './migration/soak';
import { settledStrategy } from './migration/settle';
import { markSoaking, passHealthGate, startMachine, stopMachine, swapDisks } from './migration/steps';
import { STEPS } from './migration/strategies/strategy';
import { fail, failureType, rootCause } from './support/failure';
import { operation, type Run } from './support/operation';
import { read } from './support/options';

/**
 * Moves one machine to encrypted volumes. Its workflow id, `machine/<account>/<region>/<instance>`, is the
 * lock. Until the health gate has passed, any failure puts everything back; after it the originals are kept until
 * `commit`, and `rollback` goes back to them.
 */
export async function migrateMachine(input: MigrateMachineInput): Promise<MigrateMachineResult> {
  return operation(migrateMachineInput, input, async (request, run) => {
    const orders = new Orders(run);
    const { target, instanceId, campaignId } = request;
    run.about({ campaign: campaignId, target, resources: [instanceId] });
    try {
      const swapped = (await adoptInterrupted(request, run, orders)) ?? (await migrate(request, run, orders));
      if ('outcome' in swapped) return { ...(await announced(campaignId, swapped)), committed: false };
      const report = await announced(campaignId, encrypted(swapped));
      return await soakUntilVerdict(swapped.migration, report, request.soakMs);
    } catch (error) {
      const failed = { instanceId, ...failedMove(error), downtimeMs: 0 };
      await CancellationScope.nonCancellable(() => announced(campaignId, failed));
      throw error;
    }
  });
}

/** @returns a report instead where there was nothing to do */
async function migrate(
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
): Promise<Swapped | MigrationReport> {
  const { target, instanceId, kmsKeyArn, strategy: asked, rekey, maxDowntimeMs, healthChecks } = request;
  run.phase('Planning');
  const wanted = { target, instanceId, kmsKeyArn, strategy: asked, rekey, healthChecks };
  const decision = await read(`Plan ${instanceId}`).planMachine({
    ...wanted,
    protectionKnown: request.campaignId !== undefined,
  });
  if (decision.kind === 'nothing') return report(instanceId, 'nothing', decision.reason);
  if (decision.kind === 'blocked')
    throw fail(FAILURE.notMigratable, `${instanceId}: ${decision.reasons.join('; ')}`);
  const { strategy: planned, ...plan } = decision.plan;
  for (const { volumeId, device } of plan.disks) run.row(volumeId, 'planned', device);
  const migration = newMigration(plan, maxDowntimeMs, run, orders);
  try {
    const strategy = await settledStrategy(migration, planned);
    const steps = STEPS[strategy.name];
    await steps.beforeStop(migration); // the machine keeps running
    requireOpenWindow(request);
    await stopMachine(migration); // the downtime budget starts here
    const replacements = await steps.disksAfterStop(migration);
    await swapDisks(migration, replacements);
    await startMachine(migration);
    await passHealthGate(migration, healthChecks);
    await markSoaking(migration);
    return { migration, replacements, strategy };
  } catch (failure) {
    return await rollBack(migration, failure);
  }
}

/** Preparations may take longer than was expected, and a plan to clone may have become another one. */
function requireOpenWindow({ instanceId, stopBy }: MigrateMachineRequest): void {
  if (stopBy === undefined || Date.now() <= stopBy) return;
  throw fail(
    FAILURE.windowClosed,
    `${instanceId} was ready to be stopped when too little of the window was left; it was not stopped`,
  );
}

/** Everything as it was, verified; a step that cannot be undone waits for a person. Always ends in a failure. */
async function rollBack({ plan, run, orders, undo, downtime }: Migration, failure: unknown): Promise<never> {
  run.phase('Rolling back');
  run.remark(`Rolling back because: ${rootCause(failure).message}`);
  const { undone } = await undo.unwind((stuck) => orders.untilResumed(stuck));
  if (isCancellation(failure)) throw failure;
  const cause = downtime.explain(failure);
  const why = `${failureType(cause)}: ${rootCause(cause).message}`;
  const result = { ...report(plan.instanceId, 'rolledBack', why, downtime.ms), committed: false, undone };
  throw fail(FAILURE.rolledBack, `${plan.instanceId} is as it was before. ${why}`, result);
}

function report(
  instanceId: string,
  outcome: MigrationReport['outcome'],
  message: string,
  downtimeMs = 0,
): MigrationReport {
  return { instanceId, outcome, message, volumeIdMap: {}, downtimeMs };
}

function encrypted({ migration: { plan, downtime }, replacements, strategy }: Swapped): MigrationReport {
  const message = 'its original volumes are kept until commit';
  return {
    ...report(plan.instanceId, 'encrypted', message, downtime.ms),
    volumeIdMap: replacements,
    ...(strategy && { strategy: { name: strategy.name, why: strategy.why } }),
  };
}
