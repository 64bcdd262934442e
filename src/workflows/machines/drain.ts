import { TemporalFailure } from '@temporalio/workflow';
import { drainTimeoutMs, memberName, type Drain, type TargetGroup } from '../../model/machines/drain';
import { reasonOf } from '../support/failure';
import { batch, mutate, undo as undoing, wait } from '../support/options';
import type { UndoStack } from '../support/undo';
import type { MachineInHand } from './inHand';
import { URGENT } from './downtime';

/** For the last look of a wait that has a time of its own. */
const GRACE_MS = 60_000;
/** An undo and a later run wait so long for targets where nobody said otherwise. */
const SERVED_WITHIN_MS = 15 * 60_000;

/** What the run itself has taken the machine out of: tags can be copied. What a later run takes up has none that is known. */
type Drained = MachineInHand & { left?: string[] };

type Serving = Drained & { terms: { drain?: Drain } };

/**
 * Takes the machine out of its target groups, and waits until requests under way have ended; it runs all the while. What
 * has to be registered again is noted on it before.
 *
 * @returns whether there was anything to leave, so that the machine carries its mark
 */
export async function drain(migration: Serving & { undo: UndoStack }): Promise<boolean> {
  const { plan, id, run, undo } = migration;
  const groups = await findGroups(migration, { afresh: false });
  migration.left = groups.map(({ arn }) => arn);
  if (groups.length === 0) return false;
  await mutate(`Check that ${plan.instanceId} may be registered again`).requireRegistrable({
    target: plan.target,
    groups,
  });
  run.phase('Draining');
  undo.registerOnce('target groups', () => putBackInService(migration));
  await mutate('Note its target groups').noteTargets({ plan, migrationId: id, groups, mark: true });
  await takeOut(migration, groups);
  return true;
}

/**
 * The same for a rollback, whose machine carries its marks. An earlier attempt may have taken it out of some groups, so
 * what is noted counts too.
 */
export async function drainForRollback(migration: Serving): Promise<void> {
  const { plan, id, run, terms } = migration;
  if (!plan.wasRunning || drainTimeoutMs(terms.drain) === undefined) return;
  run.row(plan.instanceId, 'draining');
  const found = await findGroups(migration, { afresh: true });
  const groups = await mutate('Note its target groups').noteTargets({
    plan,
    migrationId: id,
    groups: found,
    mark: false,
  });
  migration.left = groups.map(({ arn }) => arn);
  if (groups.length > 0) await takeOut(migration, groups);
}

function findGroups({ plan: { target, instanceId } }: MachineInHand, { afresh }: { afresh: boolean }) {
  return batch(`Find the target groups of ${instanceId}`).findTargets({ target, instanceId, afresh });
}

async function takeOut({ plan, run, terms }: Serving, groups: TargetGroup[]): Promise<void> {
  const { target, instanceId } = plan;
  const timeoutMs = drainTimeoutMs(terms.drain) ?? SERVED_WITHIN_MS;
  for (const group of groups) run.row(group.name, 'draining', namesOf(group));
  await mutate(`Take ${instanceId} out of ${groups.length} target groups`).deregisterTargets({
    target,
    groups,
  });
  await wait(`Wait until ${groups.length} target groups are drained`, {
    scheduleToCloseTimeout: timeoutMs + GRACE_MS,
  }).awaitDrained({ target, groups, timeoutMs });
  for (const group of groups) run.row(group.name, 'drained', namesOf(group));
}

/**
 * Registers a machine again that has passed its health gate.
 *
 * @returns targets that do not get requests all the same, and why
 */
export async function registerAgain(migration: Serving): Promise<string[]> {
  const { plan, run, terms } = migration;
  const { target, instanceId } = plan;
  const timeoutMs = drainTimeoutMs(terms.drain) ?? SERVED_WITHIN_MS;
  run.phase('Registering');
  const { groups, gone, foreign } = await mutate(`Register ${instanceId} again`, {
    ...URGENT,
    // A person is told after that: the machine runs, and gets no requests.
    scheduleToCloseTimeout: '10 minutes',
  }).registerTargets(noted(migration));
  tellForeign(run, instanceId, foreign);
  if (groups.length + gone.length === 0) return [];
  showRegistered(run, groups, gone);
  const problems = await wait(`Wait until ${instanceId} gets requests again`).awaitServed({
    target,
    groups,
    timeoutMs,
  });
  for (const group of groups)
    run.row(group.name, problems.length > 0 ? 'registered' : 'serving', namesOf(group));
  await mutate('Remove the notes of its target groups').forgetTargets(noted(migration));
  return problems;
}

/** The machine runs as before. Whether its load balancers find it healthy is told, and holds nothing up. */
export async function putBackInService(undoable: Drained): Promise<void> {
  const { plan, run } = undoable;
  if (!plan.wasRunning) return;
  const { target, instanceId } = plan;
  const { groups, gone, foreign } = await undoing(`Register ${instanceId} again`).registerTargets(
    noted(undoable),
  );
  tellForeign(run, instanceId, foreign);
  if (groups.length + gone.length === 0) return;
  showRegistered(run, groups, gone);
  try {
    const problems = await wait(`Wait until ${instanceId} gets requests again`, {
      scheduleToCloseTimeout: SERVED_WITHIN_MS + GRACE_MS,
    }).awaitServed({ target, groups, timeoutMs: SERVED_WITHIN_MS });
    if (problems.length > 0) run.remark(`Registered again, and not healthy yet: ${problems.join('; ')}.`);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    run.remark(`Registered again; its targets' health is not known: ${reasonOf(error)}`);
  }
  await undoing('Remove the notes of its target groups').forgetTargets(noted(undoable));
}

function showRegistered(
  run: MachineInHand['run'],
  groups: readonly TargetGroup[],
  gone: readonly string[],
): void {
  for (const group of groups) run.row(group.name, 'registered', namesOf(group));
  for (const name of gone) {
    run.row(name, 'gone');
    run.remark(`Target group ${name} has been deleted meanwhile; nothing was registered there.`);
  }
}

/** Whose notes count. */
function noted({ plan, id, left }: Drained) {
  return { plan, migrationId: id, ...(left && { left }) };
}

/** Tags come along with images and launch templates. Answers of 0.1.0 say nothing of them. */
function tellForeign(run: MachineInHand['run'], instanceId: string, foreign: readonly string[] = []): void {
  if (foreign.length === 0) return;
  run.remark(
    `${instanceId} carries notes of target groups that are not its own, and was not registered by them: ${foreign.join('; ')}. Remove them when nobody needs them.`,
  );
}

function namesOf({ targets }: TargetGroup): string {
  return targets.map(memberName).join(', ');
}
