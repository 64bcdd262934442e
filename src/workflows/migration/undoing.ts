import type { MovePlan } from '../../model/migration';
import { undo, wait } from '../support/options';
import { URGENT, type Migration, type Move } from './migration';

/** What an undo needs; a terminated run's is read from its marks. */
export type Undoable = Pick<Migration, 'id' | 'plan' | 'run'>;

/** As long as an undo's calls; after that a person is told. */
const UNDO_WAIT = { ...URGENT, scheduleToCloseTimeout: '10 minutes' } as const;

export async function verifyAsBefore({ plan }: Undoable): Promise<void> {
  await undo(`Verify that ${plan.instanceId} is as it was`).requireAsPlanned({
    plan,
    running: plan.wasRunning,
  });
}

export async function deleteStaging(
  { plan, id }: Pick<Move, 'id' | 'plan'>,
  keep: string[] = [],
): Promise<void> {
  await undo('Delete staging snapshots', {
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: '1 minute',
  }).deleteStaging({
    target: plan.target,
    migrationId: id,
    keep,
  });
}

export async function removeMarks({ plan, id }: Undoable): Promise<void> {
  const made = await undo('Find the new volumes').replacementsOf({ target: plan.target, migrationId: id });
  await undo(`Remove the marks of ${plan.instanceId}`).unmarkMachine({
    plan,
    replacements: Object.values(made),
  });
}

export async function restorePower({ plan, run }: Undoable): Promise<void> {
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

export async function stopAgain({ plan, run }: Undoable): Promise<void> {
  const { target, instanceId } = plan;
  run.row(instanceId, 'stopping again');
  await undo(`Stop ${instanceId} again`).ensureStopping({ target, instanceId });
  await wait(`Wait until ${instanceId} is stopped`, UNDO_WAIT).awaitMachine({
    target,
    instanceId,
    state: 'stopped',
  });
}

export async function deleteNewVolumes({ plan, id }: Pick<Move, 'id' | 'plan'>): Promise<void> {
  await undo('Delete the new volumes').deleteReplacements({ target: plan.target, migrationId: id });
}

/** The machine is stopped. Whatever of the swap happened: afterwards the originals are attached as they were. */
export async function putDisksBack({ plan, id, run }: Undoable): Promise<void> {
  const { target, instanceId, disks } = plan;
  const made = Object.values(await undo('Find the new volumes').replacementsOf({ target, migrationId: id }));
  await undo(`Detach ${made.length} volumes`).ensureDetached({ target, instanceId, volumeIds: made });
  await wait('Wait until the new volumes are detached', UNDO_WAIT).awaitVolumes({
    target,
    volumeIds: made,
    state: 'available',
  });
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

/** The plan as the new volumes see it: for a snapshot set of them. */
export function planOfNewVolumes<Plan extends MovePlan>(
  plan: Plan,
  replacements: Record<string, string>,
): Plan {
  return {
    ...plan,
    disks: plan.disks.map((disk) => ({ ...disk, volumeId: replacements[disk.volumeId] ?? '' })),
  };
}
