import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { lostForGood, type Accepted } from '../../model/moves/blockers';
import { FAILURE } from '../../model/failures';
import {
  migrateMachineInput,
  UNSTARTED,
  type MigrateMachineInput,
  type MigrateMachineRequest,
  type MigrateMachineResult,
  type MigrationReport,
} from '../../model/moves/migration';
import { adoptInterrupted } from './adopt';
import { announce, failedMove } from './announce';
import { releaseCapacity, reserveCapacity } from '../machines/capacity';
import { newMigration, type Migration, type Swapped } from './migration';
import { Orders } from './orders';
import { readNewPublicIp } from './publicIp';
import { soakUntilVerdict } from './soak';
import { settleStrategy } from './settle';
import { putBackToWork, bringToRest } from './rest';
import { requireNotSwapped } from './itsOwn';
import {
  markBeforeStaging,
  markSoaking,
  nameNewVolumes,
  passHealthGate,
  startMachine,
  stopMachine,
  swapDisks,
} from './steps';
import { STEPS } from './strategies/strategy';
import { fail, failureType, reasonOf } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { read } from '../support/options';

/**
 * Moves one machine to encrypted volumes. Its workflow id, `machine/<account>/<region>/<instance>`, is the
 * lock. Until the health gate has passed, any failure puts everything back; after it the originals are kept until
 * `commit`, and `rollback` goes back to them.
 */
export async function migrateMachine(input: MigrateMachineInput): Promise<MigrateMachineResult> {
  return runOperation(migrateMachineInput, input, async (request, run) => {
    const orders = new Orders(run);
    const { target, instanceId, campaignId } = request;
    run.about({ campaign: campaignId, target, resources: [instanceId] });
    const down: Down = { ms: 0 };
    try {
      const swapped =
        (await adoptInterrupted(request, run, orders)) ?? (await migrate(request, run, orders, down));
      if ('outcome' in swapped) return { ...(await announce(campaignId, swapped)), committed: false };
      // A cancel from here on is a rollback, which the soak carries out.
      const report = await CancellationScope.nonCancellable(async () => {
        if (swapped.unwell !== undefined) return announce(campaignId, reportUnwell(swapped, swapped.unwell));
        const problems = await putBackToWork(swapped.migration);
        return announce(
          campaignId,
          problems.length > 0 ? reportNotServed(swapped, problems) : encryptedReport(swapped),
        );
      });
      // What is not well, or gets no requests, is for a person to judge, however long that takes.
      const soakMs = report.outcome === 'encrypted' ? request.soakMs : undefined;
      const { writesSince, lastMoment } = swapped;
      const soak = { writesSince, lastMoment, ...(soakMs !== undefined && { soakMs }) };
      const result = await soakUntilVerdict(swapped.migration, encryptedReport(swapped), soak);
      return result.committed ? result : { ...result, ...addressBefore(result) };
    } catch (error) {
      const failed = { instanceId, ...failedMove(error), downtimeMs: down.ms };
      await CancellationScope.nonCancellable(() => announce(campaignId, failed));
      throw error;
    }
  });
}

/** With a rollback the address changes once more. */
function addressBefore({ publicIp }: MigrationReport): Pick<MigrationReport, 'publicIp'> {
  return publicIp ? { publicIp: { before: publicIp.before } } : {};
}

/** How long the machine was down, also where the migration ends badly or is cancelled. */
interface Down {
  ms: number;
}

/** @returns a report instead where there was nothing to do */
async function migrate(
  request: MigrateMachineRequest,
  run: Run,
  orders: Orders,
  down: Down,
): Promise<Swapped | MigrationReport> {
  const {
    target,
    instanceId,
    kmsKeyArn,
    strategy: asked,
    rekey,
    healthChecks,
    allow,
    drain,
    hooks,
  } = request;
  run.phase('Planning');
  const wanted = {
    ...{ target, instanceId, kmsKeyArn, strategy: asked, rekey, healthChecks, allow },
    ...(drain && { drain }),
    ...(hooks && { hooks }),
    protectionKnown: request.campaignId !== undefined,
  };
  const decision = await read(`Plan ${instanceId}`).planMachine(wanted);
  if (decision.kind === 'nothing') return report(instanceId, 'nothing', decision.reason);
  if (decision.kind === 'blocked')
    throw fail(FAILURE.notMigratable, `${instanceId}: ${decision.reasons.join('; ')}`);
  const { strategy: planned, cost: _c, accepted, publicIp, drain: _d, remarks: _r, ...plan } = decision.plan;
  for (const { volumeId, device } of plan.disks) run.row(volumeId, 'planned', device);
  for (const { effect } of accepted ?? []) run.remark(`Accepted: ${effect}.`);
  const migration = newMigration(plan, request, run, orders);
  try {
    const strategy = await settleStrategy(migration, planned);
    const steps = STEPS[strategy.name];
    await markBeforeStaging(migration);
    await steps.prepareBeforeStop(migration); // the machine keeps running
    if (request.reserveCapacity) await reserveCapacity(migration, request.maxDowntimeMs);
    requireOpenWindow(request);
    await bringToRest(migration);
    requireOpenWindow(request);
    await stopMachine(migration); // the downtime budget starts here
    const lastMoment = Date.now();
    const replacements = await steps.makeDisksAfterStop(migration);
    await nameNewVolumes(migration, replacements);
    await swapDisks(migration, replacements);
    const writesSince = Date.now();
    await startMachine(migration);
    await passHealthGate(migration, healthChecks);
    if (request.reserveCapacity) await releaseCapacity(migration);
    const moved = publicIp && (await readNewPublicIp(migration, publicIp));
    await markSoaking(migration);
    const done = { migration, replacements, writesSince, lastMoment, strategy, accepted };
    return { ...done, ...(moved && { publicIp: moved }) };
  } catch (failure) {
    return await rollBackMigration(migration, failure, down, accepted);
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
async function rollBackMigration(
  migration: Migration,
  failure: unknown,
  down: Down,
  accepted: readonly Accepted[] = [],
): Promise<never> {
  const { plan, run, orders, undo, downtime } = migration;
  run.phase('Rolling back');
  run.remark(`Rolling back because: ${reasonOf(failure)}`);
  await requireNotSwapped(migration);
  const { undone } = await undo.unwind((stuck) => orders.awaitResume(stuck));
  down.ms = downtime.ms;
  if (isCancellation(failure)) throw failure;
  const cause = downtime.explain(failure);
  const why = `${failureType(cause)}: ${reasonOf(cause)}`;
  const lost = downtime.ms > 0 ? lostForGood(accepted) : [];
  const result = {
    ...report(plan.instanceId, 'rolledBack', why, downtime.ms),
    ...(lost.length > 0 && { accepted: lost }),
    committed: false,
    undone,
  };
  const effects = lost.map(({ effect }) => effect).join('; ');
  const but = effects && `, but for what was accepted: ${effects}`;
  throw fail(FAILURE.rolledBack, `${plan.instanceId} is as it was before${but}. ${why}`, result);
}

function report(
  instanceId: string,
  outcome: MigrationReport['outcome'],
  message: string,
  downtimeMs = 0,
): MigrationReport {
  return { instanceId, outcome, message, volumeIdMap: {}, downtimeMs };
}

/** Of a migration that was interrupted: its machine is not what was asked for, and a person decides. */
function reportUnwell(swapped: Swapped, why: string): MigrationReport {
  const { plan, run } = swapped.migration;
  run.remark(`${plan.instanceId}: ${why}.`);
  return { ...encryptedReport(swapped), outcome: 'failed', message: why };
}

/** Its campaign counts that as a failure, so that the next machines stay in their target groups. */
function reportNotServed(swapped: Swapped, problems: readonly string[]): MigrationReport {
  const { migration } = swapped;
  const why = `it runs on its new volumes and has passed its checks, but gets no requests: ${problems.join('; ')}; its originals are kept until commit or rollback`;
  migration.run.remark(`${migration.plan.instanceId}: ${why}.`);
  return { ...encryptedReport(swapped), outcome: 'failed', message: why };
}

const KEPT = 'its original volumes are kept until commit';

function encryptedReport(swapped: Swapped): MigrationReport {
  const { migration, replacements, writesSince, strategy, accepted, publicIp } = swapped;
  const { plan, downtime } = migration;
  const message = plan.wasRunning ? KEPT : `${KEPT}; ${UNSTARTED}`;
  return {
    ...report(plan.instanceId, 'encrypted', message, downtime.ms),
    volumeIdMap: replacements,
    writesSince: new Date(writesSince).toISOString(),
    ...(!plan.wasRunning && { unstarted: true }),
    ...(strategy && { strategy: { name: strategy.name, why: strategy.why } }),
    ...(accepted && { accepted }),
    ...(publicIp && { publicIp }),
  };
}
