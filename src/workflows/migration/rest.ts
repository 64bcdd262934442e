import { CancellationScope } from '@temporalio/workflow';
import { drainTimeoutMs } from '../../model/drain';
import { failedItem } from '../support/failure';
import { drain, registered } from './drain';
import type { Migration } from './migration';
import { untilDone } from './orders';
import { removeMarks } from './undoing';

/** Everything that makes a stop gentle, and that a machine which is stopped does not need. */
export async function bringToRest(migration: Migration): Promise<void> {
  const { plan, undo, terms } = migration;
  if (!plan.wasRunning || drainTimeoutMs(terms.drain) === undefined) return;
  undo.registerOnce('marks', () => removeMarks(migration));
  await drain(migration);
}

/**
 * After the gate nothing is rolled back by itself: requests may reach the new volumes from now on. What cannot be
 * registered waits for a person.
 *
 * @returns targets that get no requests all the same, and why
 */
export async function backToWork(migration: Migration): Promise<string[]> {
  const { plan, orders, terms } = migration;
  if (!plan.wasRunning || drainTimeoutMs(terms.drain) === undefined) return [];
  const item = 'register the machine again';
  let problems: string[] = [];
  await CancellationScope.nonCancellable(() =>
    untilDone(
      orders,
      item,
      async () => {
        problems = await registered(migration);
      },
      (error) => failedItem(item, error),
    ),
  );
  return problems;
}
