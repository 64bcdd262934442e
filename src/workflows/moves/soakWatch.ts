import { isCancellation, patched, TemporalFailure } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { MigrateMachineResult, MigrationReport } from '../../model/moves/migration';
import { fail, failedItem, reasonOf } from '../support/failure';
import { read } from '../support/options';
import { passHealthChecks } from '../machines/healthGate';
import type { Migration } from './migration';
import { machineGone, tryUntilDone, type Soak, type Verdict } from './orders';
import { findOwnSnapshots, removeMarks } from './undoing';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A machine that has not been started yet may be soon; later it is looked at once a day. */
const HOURLY_LOOKS = 48;
/** A look that fails so long says nothing; the next one may. */
const PATIENCE = { scheduleToCloseTimeout: '10 minutes' } as const;

/**
 * Waits for a verdict, and looks at the machine meanwhile: one that is terminated ends the wait, and one that was stopped is
 * not committed by itself before it has been started and found healthy.
 *
 * @param tell is told when the soak ends, in milliseconds since the epoch, as soon as that is known
 */
export async function awaitMachineVerdict(
  migration: Migration,
  soak: Soak,
  tell: (endsAt: number) => void,
): Promise<Verdict | 'gone'> {
  const { orders, plan } = migration;
  const { soakMs, writesSince } = soak;
  const tellEnd = () => {
    if (soakMs !== undefined) tell(Date.now() + soakMs);
    return Date.now();
  };
  if (!patched('soak-looks-at-the-machine')) {
    tellEnd();
    return orders.awaitVerdictWithin(soak);
  }
  let provenAt = plan.wasRunning ? tellEnd() : undefined;
  for (let looks = 0; ; looks++) {
    const endsAt = provenAt !== undefined && soakMs !== undefined ? provenAt + soakMs : Infinity;
    const leftMs = Math.max(0, endsAt - Date.now());
    const nextLookMs = provenAt === undefined && looks < HOURLY_LOOKS ? HOUR_MS : DAY_MS;
    const given = await orders.awaitVerdictBefore(Math.max(1, Math.min(leftMs, nextLookMs)), writesSince);
    // Who carries a verdict out looks himself.
    if (given) return given;
    const machine = await lookAtMachine(migration);
    if (machine === 'gone') return 'gone';
    if (orders.given) return orders.given;
    if (Date.now() >= endsAt) return orders.commitByItself();
    if (provenAt === undefined && machine === 'healthy' && (await passesItsChecks(migration)))
      provenAt = tellEnd();
  }
}

/** @throws ApplicationFailure MachineGone before a verdict on a machine that does not exist any more */
export async function requireMachine(migration: Migration): Promise<void> {
  if (!patched('verdicts-look-at-the-machine')) return;
  if ((await lookAtMachine(migration)) === 'gone') throw machineGone(migration.plan.instanceId);
}

/** Undefined where nobody can tell now. */
export async function lookAtMachine({ plan: { target, instanceId } }: Migration) {
  try {
    return await read(`Look at ${instanceId}`, PATIENCE).lookAtMachine({ target, instanceId });
  } catch (error) {
    if (isCancellation(error)) throw error;
    return undefined;
  }
}

async function passesItsChecks(migration: Migration): Promise<boolean> {
  const { run, plan, terms } = migration;
  try {
    await passHealthChecks(migration, terms.healthChecks ?? []);
    run.remark(`${plan.instanceId} has been started on its new volumes, and is healthy.`);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.remark(
      `${plan.instanceId} runs on its new volumes and has not passed its checks: ${reasonOf(error)}. No commit comes by itself.`,
    );
    return false;
  }
}

/** What it has made on its way, as far as that can be told now. */
async function findStaged(migration: Migration): Promise<string[]> {
  if (!patched('staging-of-a-lost-machine-is-named')) return migration.made.snapshots;
  try {
    return await findOwnSnapshots(migration);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    migration.run.remark(`Its staging snapshots could not be looked for: ${reasonOf(error)}.`);
    return migration.made.snapshots;
  }
}

/** The originals may be the last of its data: nothing is deleted, and everything that is left is named. */
export async function endWithoutMachine(
  migration: Migration,
  report: MigrationReport,
): Promise<MigrateMachineResult> {
  const { plan, run, made } = migration;
  const originals = plan.disks.map(({ volumeId }) => volumeId).join(', ');
  const volumes = Object.values(made.volumes).join(', ');
  const staged = await findStaged(migration);
  const snapshots = staged.length > 0 ? `; so are the snapshots ${staged.join(', ')}` : '';
  const message = `${plan.instanceId} was terminated while its originals were kept, so nothing was deleted: the originals ${originals} are there, and of its new volumes ${volumes} those that were not to go with it${snapshots}. Delete what nobody needs`;
  run.remark(`${message}.`);
  for (const { volumeId } of plan.disks) run.row(volumeId, 'left', 'its machine is gone');
  const item = 'remove the marks';
  await tryUntilDone(
    migration.orders,
    item,
    () => removeMarks(migration),
    (error) => failedItem(item, error),
  );
  const result: MigrateMachineResult = { ...report, outcome: 'failed', message, committed: false };
  throw fail(FAILURE.notFound, message, result);
}
