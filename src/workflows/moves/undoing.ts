import { patched } from '@temporalio/workflow';
import { undo, wait } from '../support/options';
import type { Migration, Move } from './migration';
import type { DiskPlan, MovePlan } from '../../model/machines/facts';
import { URGENT } from '../machines/downtime';

/** What an undo needs; a terminated run's is read from its marks. */
export type Undoable = Pick<Migration, 'id' | 'plan' | 'run' | 'made'>;

type Own = Pick<Move, 'id' | 'plan' | 'run' | 'made'>;

/** Of the originals only their ids: a commit may have deleted them. */
type Staged = Omit<Own, 'plan'> & {
  plan: Pick<MovePlan, 'target' | 'instanceId'> & { disks: readonly Pick<DiskPlan, 'volumeId'>[] };
};

/** As long as an undo's calls; after that a person is told. */
const UNDO_WAIT = { ...URGENT, scheduleToCloseTimeout: '10 minutes' } as const;
/** Looks once more after the read lag. */
const UNDO_LOOK = { startToCloseTimeout: '2 minutes' } as const;
const UNDO_MANY = { startToCloseTimeout: '10 minutes', heartbeatTimeout: '1 minute' } as const;

/** Runs of 0.1.0 knew what was theirs by tags alone. */
const knowsItsOwn = () => patched('own-by-recorded-id');

/** Whether it runs is its people's, where the migration had not begun to stop it. */
export async function verifyAsBefore(
  { plan }: Pick<Undoable, 'plan'>,
  { wasStopped = true } = {},
): Promise<void> {
  await undo(`Verify that ${plan.instanceId} is as it was`).requireAsPlanned({
    plan,
    ...(wasStopped && { running: plan.wasRunning }),
  });
}

/** Those that the move has made, and what no answer told as far as that can be proven. */
async function findOwnVolumes({ plan, id, run, made }: Own): Promise<string[]> {
  const originals = made.unansweredVolumes;
  if (originals.length > 0) {
    const look = undo('Find new volumes that no answer told of', UNDO_LOOK);
    const { own, unclear } = await look.findOwnVolumes({ plan, migrationId: id, originals });
    made.addFoundVolumes(own);
    nameLeftAlone(run, unclear);
  }
  return Object.values(made.volumes);
}

export async function findOwnSnapshots({ plan, id, run, made }: Staged): Promise<string[]> {
  if (made.unansweredSnapshots) {
    const look = undo('Find snapshots that no answer told of', UNDO_LOOK);
    const found = await look.findOwnSnapshots({ plan, migrationId: id, known: made.snapshots });
    made.addFoundSnapshots(found.own);
    nameLeftAlone(run, found.unclear);
  }
  return made.snapshots;
}

export function nameLeftAlone(run: Move['run'], unclear: readonly string[] = []): void {
  if (unclear.length === 0) return;
  run.remark(
    `Left alone: ${unclear.join(', ')} carry the marks of this migration, and nothing proves which of them is its own. Delete what nobody needs.`,
  );
}

/**
 * The marks go after it: should the run be terminated here, the next one goes by what the volumes name, and takes nobody's
 * copy of what is gone for it.
 */
export async function deleteStaging(move: Staged, keep: string[] = []): Promise<void> {
  const { plan, id } = move;
  const { target } = plan;
  if (!knowsItsOwn()) {
    await undo('Delete staging snapshots', UNDO_MANY).deleteStaging({ target, migrationId: id, keep });
    return;
  }
  const snapshotIds = (await findOwnSnapshots(move)).filter((snapshotId) => !keep.includes(snapshotId));
  if (snapshotIds.length === 0) return;
  const volumeIds = [...plan.disks.map(({ volumeId }) => volumeId), ...Object.values(move.made.volumes)];
  const { instanceId } = plan;
  const own = { target, migrationId: id, snapshotIds };
  const unnamed = await undo('Name the staging snapshots').nameStaged({
    ...own,
    volumeIds,
    ...(instanceId !== undefined && { instanceId }),
  });
  const stay = await undo('Delete staging snapshots', UNDO_MANY).deleteOwnSnapshots({ ...own, unnamed });
  for (const { item, message } of stay) {
    move.run.row(item, 'stays', message);
    move.run.remark(
      `${item}, which this migration has made on its way, stays: ${message}. Delete it by hand.`,
    );
  }
}

/** @param stay new volumes that stay detached, with their marks */
export async function removeMarks(undoable: Undoable, stay: readonly string[] = []): Promise<void> {
  const { plan, id } = undoable;
  const made = knowsItsOwn()
    ? (await findOwnVolumes(undoable)).filter((volumeId) => !stay.includes(volumeId))
    : Object.values(
        await undo('Find the new volumes').replacementsOf({ target: plan.target, migrationId: id }),
      );
  await undo(`Remove the marks of ${plan.instanceId}`).unmarkMachine({ plan, replacements: made });
}

export async function restorePower({ plan, run }: Pick<Undoable, 'plan' | 'run'>): Promise<void> {
  if (!plan.wasRunning) return;
  const { target, instanceId } = plan;
  run.row(instanceId, 'starting again');
  await undo(`Start ${instanceId} again`).ensureStarting({ target, instanceId });
  await wait(`Wait until ${instanceId} runs`, UNDO_WAIT).awaitMachine({
    target,
    instanceId,
    state: 'running',
  });
}

export async function stopAgain({ plan, run }: Pick<Undoable, 'plan' | 'run'>): Promise<void> {
  const { target, instanceId } = plan;
  run.row(instanceId, 'stopping again');
  await undo(`Stop ${instanceId} again`).ensureStopping({ target, instanceId });
  await wait(`Wait until ${instanceId} is stopped`, UNDO_WAIT).awaitMachine({
    target,
    instanceId,
    state: 'stopped',
  });
}

/** @param stay those of them that are kept, because what is on them is nowhere else */
export async function deleteNewVolumes(move: Own, stay: readonly string[] = []): Promise<void> {
  const { plan, id } = move;
  const { target } = plan;
  if (!knowsItsOwn()) {
    await undo('Delete the new volumes').deleteReplacements({ target, migrationId: id });
    return;
  }
  const volumeIds = (await findOwnVolumes(move)).filter((volumeId) => !stay.includes(volumeId));
  if (volumeIds.length > 0) await undo('Delete the new volumes').deleteOwnVolumes({ target, volumeIds });
}

/** The machine is stopped. Whatever of the swap happened: afterwards the originals are attached as they were. */
export async function putDisksBack(undoable: Undoable): Promise<void> {
  const { plan, run } = undoable;
  const { target, instanceId, disks } = plan;
  await detachNewVolumes(undoable);
  const devices = Object.fromEntries(disks.map(({ volumeId, device }) => [volumeId, device]));
  await undo(`Attach ${disks.length} volumes again`).ensureAttached({ target, instanceId, devices });
  for (const { volumeId, device } of disks) run.row(volumeId, 'back', device);
  const volumeIds = Object.keys(devices);
  await wait('Wait until the originals are attached', UNDO_WAIT).awaitVolumes({
    target,
    volumeIds,
    state: 'attached',
  });
  await undo('Set DeleteOnTermination as it was').setDeleteOnTermination({ target, instanceId, disks });
}

async function detachNewVolumes(undoable: Undoable): Promise<void> {
  const { plan, id } = undoable;
  const { target, instanceId } = plan;
  if (!knowsItsOwn()) {
    const made = Object.values(
      await undo('Find the new volumes').replacementsOf({ target, migrationId: id }),
    );
    await undo(`Detach ${made.length} volumes`).ensureDetached({ target, instanceId, volumeIds: made });
    await awaitDetached(undoable, made);
    return;
  }
  const volumeIds = await findOwnVolumes(undoable);
  const detach = undo(`Detach ${volumeIds.length} volumes`);
  const attached = await detach.detachOwnVolumes({ target, instanceId, volumeIds });
  await awaitDetached(undoable, attached);
}

async function awaitDetached({ plan: { target } }: Undoable, volumeIds: string[]): Promise<void> {
  await wait('Wait until the new volumes are detached', UNDO_WAIT).awaitVolumes({
    target,
    volumeIds,
    state: 'available',
  });
}

/** The plan as the new volumes see it: for a snapshot set of them. */
export function planOfNewVolumes<Plan extends MovePlan>(
  plan: Plan,
  replacements: Record<string, string>,
): Plan {
  return {
    ...plan,
    disks: plan.disks.flatMap((disk) => {
      const volumeId = replacements[disk.volumeId];
      return volumeId === undefined ? [] : { ...disk, volumeId };
    }),
  };
}
