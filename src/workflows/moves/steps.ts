import { CancellationScope, patched } from '@temporalio/workflow';
import type { HealthCheck } from '../../model/machines/healthChecks';
import { mutate, read, wait } from '../support/options';
import { passHealthChecks, passStatusChecks } from '../machines/healthGate';
import { runPost } from './hooks';
import { ORIGINALS_BACK, RUNNING_AGAIN, type Migration } from './migration';
import { putDisksBack, removeMarks, restorePower, stopAgain } from './undoing';
import { madeOf, type Replacements } from './made';

/** Should this run be terminated while it prepares, the next one finds by the mark that something is staged. */
export async function markBeforeStaging(migration: Migration): Promise<void> {
  const { plan, id, undo } = migration;
  if (!plan.wasRunning || !patched('marked-before-anything-is-staged')) return;
  undo.registerOnce('marks', () => removeMarks(migration));
  await mutate(`Mark ${plan.instanceId}`).markMachine({ plan, migrationId: id, phase: 'prepare' });
}

/** The machine is marked before the stop: a terminated run cannot undo, and the next one must know what was. */
export async function stopMachine(migration: Migration): Promise<void> {
  const { undo, plan, run, id, downtime } = migration;
  const { target, instanceId } = plan;
  run.phase('Stopping');
  await read(`Check that ${instanceId} is as planned`).requireAsPlanned({ plan, running: plan.wasRunning });
  if (plan.wasRunning && patched('asks-whether-it-could-start-again'))
    await read(`Check that ${instanceId} could start again`).requireStartable({ plan });
  undo.registerOnce('marks', () => removeMarks(migration));
  await mutate(`Mark ${instanceId}`).markMachine({ plan, migrationId: id, phase: 'swap' });
  if (!plan.wasRunning) return;
  undo.register(RUNNING_AGAIN, () => restorePower(migration));
  downtime.begin();
  await mutate(`Stop ${instanceId}`, downtime.bounded()).ensureStopping({ target, instanceId });
  await wait(`Wait until ${instanceId} is stopped`, downtime.bounded()).awaitMachine({
    target,
    instanceId,
    state: 'stopped',
  });
}

/** A later run shall know the new volumes by the originals' word, and not by tags that anybody may copy. */
export async function nameNewVolumes(migration: Migration, replacements: Replacements): Promise<void> {
  if (!patched('originals-name-their-new-volumes')) return;
  const { plan, id, downtime } = migration;
  await mutate('Name the new volumes on the originals', downtime.bounded()).nameReplacements({
    plan,
    migrationId: id,
    replacements,
  });
}

export async function swapDisks(migration: Migration, replacements: Replacements): Promise<void> {
  const { plan, undo, downtime, run } = migration;
  const { target, instanceId, disks } = plan;
  run.phase('Swapping');
  await read(`Check that ${instanceId} is as planned`, downtime.bounded()).requireAsPlanned({
    plan,
    running: false,
  });
  undo.register(ORIGINALS_BACK, () => putDisksBack(migration));
  const originals = disks.map(({ volumeId }) => volumeId);
  await mutate(`Detach ${originals.length} volumes`, downtime.bounded()).ensureDetached({
    target,
    instanceId,
    volumeIds: originals,
  });
  await wait(`Wait until ${originals.length} volumes are detached`, downtime.bounded()).awaitVolumes({
    target,
    volumeIds: originals,
    state: 'available',
  });
  const volumeIds = disks.map(({ volumeId }) => madeOf(replacements, volumeId));
  await mutate(`Attach ${volumeIds.length} volumes`, downtime.bounded()).ensureAttached({
    target,
    instanceId,
    devices: Object.fromEntries(
      disks.map(({ volumeId, device }) => [madeOf(replacements, volumeId), device]),
    ),
  });
  for (const { volumeId } of disks) run.row(volumeId, 'replaced', `by ${replacements[volumeId]}`);
  await wait(`Wait until ${volumeIds.length} volumes are attached`, downtime.bounded()).awaitVolumes({
    target,
    volumeIds,
    state: 'attached',
  });
  await mutate('Set DeleteOnTermination as it was', downtime.bounded()).setDeleteOnTermination({
    target,
    instanceId,
    disks,
  });
}

/** From here on writes may land on the new volumes only; the mark says so before they can. */
export async function startMachine(migration: Migration): Promise<void> {
  const { plan, id, undo, downtime, run } = migration;
  const { target, instanceId } = plan;
  run.phase('Starting');
  await mutate(`Mark ${instanceId} as swapped`, downtime.bounded()).markMachine({
    plan,
    migrationId: id,
    phase: 'start',
  });
  if (!plan.wasRunning) return;
  undo.register('stopped', () => stopAgain(migration));
  await mutate(`Start ${instanceId}`, downtime.bounded()).ensureStarting({ target, instanceId });
  await wait(`Wait until ${instanceId} runs`, downtime.bounded()).awaitMachine({
    target,
    instanceId,
    state: 'running',
  });
  downtime.end();
}

/**
 * EC2's status checks and the user's own, side by side, or with the `post` hook between them; the first that fails fails
 * the gate.
 */
export async function passHealthGate(migration: Migration, checks: readonly HealthCheck[]): Promise<void> {
  const { plan, run, terms } = migration;
  if (!plan.wasRunning) return;
  run.phase('Checking');
  const gate = new CancellationScope();
  try {
    await gate.run(async () => {
      if (!terms.hooks?.post)
        return Promise.all([passStatusChecks(migration), passHealthChecks(migration, checks)]);
      await passStatusChecks(migration);
      await runPost(migration);
      return passHealthChecks(migration, checks);
    });
  } finally {
    // What still asks a machine that failed is not waited for.
    gate.cancel();
  }
}

/** Should this run be terminated while it soaks, the next one takes over the soak and leaves the machine alone. */
export async function markSoaking({ plan, id }: Migration): Promise<void> {
  await mutate(`Mark ${plan.instanceId} as soaking`).markMachine({ plan, migrationId: id, phase: 'soak' });
}
