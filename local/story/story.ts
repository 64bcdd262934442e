import { OperationFailed } from '../../src/client';
import { Problem, reasonOf } from '../stack/problem';
import type { StoryContext } from './context';
import { STEPS, type Step } from './labs';
import { LiveTable } from './table';

/** Generous: a step takes a minute at most where nothing is wrong. */
const STEP_WITHIN_MS = 10 * 60_000;

/** Plays the steps in order. @returns the failures; what follows a failed step is not played */
export async function playStory(context: StoryContext): Promise<string[]> {
  const table = new LiveTable(STEPS.map(({ title }) => title));
  table.start();
  try {
    for (const step of STEPS) {
      const problem = await playStep(step, context, table);
      if (problem) return [`${step.title}: ${problem}`];
    }
    return [];
  } finally {
    table.stop();
  }
}

async function playStep(step: Step, context: StoryContext, table: LiveTable): Promise<string | undefined> {
  table.change(step.title, 'running');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const give = () => reject(new Problem(`not done after ${STEP_WITHIN_MS / 60_000} minutes`));
    timer = setTimeout(give, STEP_WITHIN_MS);
  });
  try {
    const told = await Promise.race([step.play(context, (text) => table.note(step.title, text)), late]);
    table.change(step.title, 'done', told);
    return undefined;
  } catch (error) {
    const why = error instanceof OperationFailed ? `${error.type}: ${error.message}` : reasonOf(error);
    table.change(step.title, 'failed', why);
    return why;
  } finally {
    clearTimeout(timer);
  }
}
