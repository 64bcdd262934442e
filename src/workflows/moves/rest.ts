import { CancellationScope } from '@temporalio/workflow';
import { drainTimeoutMs } from '../../model/machines/drain';
import { failedItem } from '../support/failure';
import { mutate } from '../support/options';
import { drain, registerAgain } from '../machines/drain';
import { runPre } from './hooks';
import type { Migration } from './migration';
import { tryUntilDone } from './orders';
import { removeMarks } from './undoing';

/** Everything that makes a stop gentle: a machine that is stopped does not need it. */
export async function bringToRest(migration: Migration): Promise<void> {
  const { plan, id, undo, terms } = migration;
  const drains = drainTimeoutMs(terms.drain) !== undefined;
  if (!plan.wasRunning || !(drains || terms.hooks)) return;
  undo.registerOnce('marks', () => removeMarks(migration));
  const isMarked = drains && (await drain(migration));
  if (!terms.hooks) return;
  // A terminated run cannot let the guest go on, and the next one must know that it may have to.
  if (!isMarked && terms.hooks.pre)
    await mutate(`Mark ${plan.instanceId}`).markMachine({ plan, migrationId: id, phase: 'rest' });
  await runPre(migration);
}

/**
 * After the gate nothing is rolled back by itself: requests may reach the new volumes from now on. What cannot be
 * registered waits for a person.
 *
 * @returns targets that get no requests all the same, and why
 */
export async function putBackToWork(migration: Migration): Promise<string[]> {
  const { plan, orders, terms } = migration;
  if (!plan.wasRunning || drainTimeoutMs(terms.drain) === undefined) return [];
  const item = 'register the machine again';
  let problems: string[] = [];
  await CancellationScope.nonCancellable(() =>
    tryUntilDone(
      orders,
      item,
      async () => {
        problems = await registerAgain(migration);
      },
      (error) => failedItem(item, error),
    ),
  );
  return problems;
}
