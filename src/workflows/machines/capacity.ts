import { isCancellation, patched } from '@temporalio/workflow';
import { reasonOf } from '../support/failure';
import { mutate, undo as undoing, wait } from '../support/options';
import type { UndoStack } from '../support/undo';
import type { MachineInHand } from './inHand';

/** A rollback starts the machine once more; after that nobody needs the reservation. */
const BEYOND_DOWNTIME_MS = 3_600_000;

/** What the run itself has reserved: tags can be copied. */
interface Reservation {
  endsAtMs: number;
  reservationId?: string;
}

/** What a later run takes up has none that is known. */
type Reserving = MachineInHand & { reservation?: Reservation };

/**
 * Keeps a place for the machine to come back to, where that was asked for: between the stop and the start EC2 may give
 * its own to somebody else. Without a place to be had it is not stopped.
 */
export async function reserveCapacity(
  migration: Reserving & { undo: UndoStack },
  maxDowntimeMs: number,
): Promise<void> {
  const { plan, undo, run, id } = migration;
  const { target, instanceId } = plan;
  if (!plan.wasRunning) return;
  run.phase('Reserving capacity');
  const endsAtMs = Date.now() + maxDowntimeMs + BEYOND_DOWNTIME_MS;
  migration.reservation = { endsAtMs };
  undo.register('capacity reservation', () => cancelCapacity(migration, true));
  const asked = { target, migrationId: id, instanceId, endsAtMs };
  const { reservationId, needless } = await mutate(`Reserve capacity for ${instanceId}`).reserveCapacity(
    asked,
  );
  if (needless !== undefined) run.remark(`No capacity was reserved: ${needless}.`);
  if (reservationId === undefined) return;
  migration.reservation = { endsAtMs, reservationId };
  run.row('capacity', 'reserved', reservationId);
  // Bounded: EC2 shows a reservation as active within five minutes.
  await wait(`Wait until ${reservationId} is active`, { scheduleToCloseTimeout: '10 minutes' }).awaitCapacity(
    {
      target,
      migrationId: id,
      reservationId,
    },
  );
}

/** Once the machine is well again. One that cannot be cancelled ends by itself, and is no reason to undo a migration. */
export async function releaseCapacity(migration: Reserving): Promise<void> {
  try {
    await cancelCapacity(migration, false);
  } catch (error) {
    if (isCancellation(error)) throw error;
    migration.run.remark(
      `The capacity reservation of ${migration.id} could not be cancelled, and costs until it ends by itself: ${reasonOf(error)}`,
    );
  }
}

export async function cancelCapacity(reserving: Reserving, mayBeNew: boolean): Promise<void> {
  const { plan, id, run, reservation } = reserving;
  const { target, instanceId } = plan;
  const asked = { target, migrationId: id, mayBeNew };
  const call = undoing('Cancel the capacity reservation');
  const { cancelled, unsure } = patched('cancel-only-its-own-reservation')
    ? await call.cancelReservation({ ...asked, instanceId, ...reservation })
    : { cancelled: await call.cancelCapacity(asked), unsure: [] };
  if (cancelled.length > 0) run.row('capacity', 'released', cancelled.join(', '));
  if (unsure.length === 0) return;
  run.row('capacity', 'not released', unsure.join(', '));
  run.remark(
    `${unsure.join(', ')} all seem to be the capacity reservation of ${id}, and only one can be: none was cancelled. Cancel the one that nobody else needs; it costs until it ends by itself.`,
  );
}
