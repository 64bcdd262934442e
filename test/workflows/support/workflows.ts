import { CancellationScope, condition, continueAsNew, proxyActivities, sleep } from '@temporalio/workflow';
import { z } from 'zod';
import { operationInput } from '../../../src/model/input';
import { fail, settle } from '../../../src/workflows/support/failure';
import { handleMessage } from '../../../src/workflows/support/messages';
import { runOperation } from '../../../src/workflows/support/operation';
import { UndoStack, type UndoReport } from '../../../src/workflows/support/undo';
import { undoAndRethrow } from '../../../src/workflows/support/undone';

/** Workflows that do nothing but use the frame and the tools that all workflows share. */

const ENDS = [
  'well',
  'failed',
  'partly',
  'wholly',
  'waiting',
  'again',
  'defect',
  'refused',
  'late',
  'silent',
] as const;
const framedInput = operationInput({ end: z.enum(ENDS), dryRun: z.boolean().optional() });

interface Troubled {
  /** @throws what `how` says */
  trouble(how: 'refused' | 'late' | 'silent'): Promise<never>;
}
const { trouble } = proxyActivities<Troubled>({
  scheduleToCloseTimeout: '1500ms',
  retry: { initialInterval: '300ms' },
});

export async function framed(input: z.input<typeof framedInput>): Promise<{ done: string }> {
  return runOperation(framedInput, input, async ({ end }, run) => {
    run.phase('Working');
    run.row('a | b', 'begun', 'line\nbreak');
    const result = { done: 'some' };
    switch (end) {
      case 'failed':
        throw fail('KeyUnusable', 'the key is disabled');
      case 'partly':
        return settle(result, { what: 'machines', succeeded: 1, failed: 2 });
      case 'wholly':
        return settle(result, { what: 'machines', succeeded: 0, failed: 2 });
      case 'waiting':
        await sleep('1 hour');
        return result;
      case 'again':
        return continueAsNew<typeof framed>({ end: 'well' });
      case 'refused':
      case 'late':
      case 'silent':
        return trouble(end);
      case 'defect':
        throw new TypeError('a defect');
      case 'well':
        return result;
    }
  });
}

interface Unwound extends UndoReport {
  order: string[];
}

/** Undoes steps in the order of their registration reversed; `bad` ones fail, the first `stuck` times if so asked. */
export async function unwinds({ bad, stuck }: { bad?: string; stuck?: number }): Promise<Unwound> {
  const order: string[] = [];
  const undo = new UndoStack();
  let failures = 0;
  const step = (name: string, stack: UndoStack) =>
    stack.register(name, async () => {
      await Promise.resolve();
      if (name === bad && (stuck === undefined || failures++ < stuck)) throw fail('Conflict', 'in the way');
      order.push(name);
    });
  step('first', undo);
  const part = new UndoStack();
  step('part one', part);
  step('part two', part);
  undo.absorb(part);
  step('last', undo);
  const report = await undo.unwind(stuck === undefined ? undefined : () => sleep(1));
  const again = await undo.unwind();
  return { ...report, order: [...order, ...again.undone] };
}

const undoingInput = operationInput({ bad: z.boolean().default(false), wait: z.boolean().default(false) });

/** Fails, or waits to be cancelled, and undoes its one step either way. */
export async function undoing(input: z.input<typeof undoingInput>): Promise<void> {
  return runOperation(undoingInput, input, async ({ bad, wait }, run) => {
    const undo = new UndoStack();
    try {
      undo.register('the disk', async () => {
        await Promise.resolve();
        if (bad) throw fail('AccessDenied', 'may not detach');
      });
      run.phase('Working');
      if (wait) await sleep('1 hour');
      throw fail('ResourceFailed', 'the copy failed');
    } catch (error) {
      return undoAndRethrow(error, run, undo);
    }
  });
}

/** Ends when it was approved; says what it took. */
export async function listens(): Promise<string[]> {
  const taken: string[] = [];
  handleMessage('approve', ({ by, reason }) => void taken.push(`${by}: ${reason}`));
  handleMessage(
    'pause',
    ({ by }) => void taken.push(`paused by ${by}`),
    () => (taken.length > 0 ? 'it is paused already' : undefined),
  );
  await CancellationScope.current().run(() => condition(() => taken.some((line) => line.startsWith('ann'))));
  return taken;
}
