import { isCancellation } from '@temporalio/workflow';
import { rootCause } from '../support/failure';
import { mutate, undo as undoing, wait } from '../support/options';
import type { Migration } from './migration';
import type { Undoable } from './undoing';

/** A rollback starts the machine once more; after that nobody needs the reservation. */
const BEYOND_DOWNTIME_MS = 3_600_000;

/**
 * Keeps a place for the machine to come back to, where that was asked for: between the stop and the start EC2 may give
 * its own to somebody else. Without a place to be had it is not stopped.
 */
export async function reserveCapacity(migration: Migration, maxDowntimeMs: number): Promise<void> {
  const { plan, undo, run, id } = migration;
  const { target, instanceId } = plan;
  if (!plan.wasRunning) return;
  run.phase('Reserving capacity');
  undo.register('capacity reservation', () => cancelCapacity(migration, true));
  const endsAtMs = Date.now() + maxDowntimeMs + BEYOND_DOWNTIME_MS;
  const asked = { target, migrationId: id, instanceId, endsAtMs };
  const { reservationId, needless } = await mutate(`Reserve capacity for ${instanceId}`).reserveCapacity(
    asked,
  );
  if (needless !== undefined) run.remark(`No capacity was reserved: ${needless}.`);
  if (reservationId === undefined) return;
  run.row('capacity', 'reserved', reservationId);
  // Bounded: EC2 shows a reservation as active within five minutes.
  await wait(`Wait until ${reservationId} is active`, { scheduleToCloseTimeout: '10 minutes' }).awaitCapacity(
    {
      target,
      migrationId: id,
    },
  );
}

/** Once the machine is well again. One that cannot be cancelled ends by itself, and is no reason to undo a migration. */
export async function releaseCapacity(migration: Migration): Promise<void> {
  try {
    await cancelCapacity(migration, false);
  } catch (error) {
    if (isCancellation(error)) throw error;
    migration.run.remark(
      `The capacity reservation of ${migration.id} could not be cancelled, and costs until it ends by itself: ${rootCause(error).message}`,
    );
  }
}

export async function cancelCapacity({ plan, id, run }: Undoable, mayBeNew: boolean): Promise<void> {
  const asked = { target: plan.target, migrationId: id, mayBeNew };
  const cancelled = await undoing('Cancel the capacity reservation').cancelCapacity(asked);
  if (cancelled.length > 0) run.row('capacity', 'released', cancelled.join(', '));
}
