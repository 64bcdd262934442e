import { patched, workflowInfo } from '@temporalio/workflow';
import { ExtraArguments } from '../../model/input';

/**
 * A workflow that takes its one JSON object and nothing else: what is given besides would be passed over in silence,
 * a `dryRun` in a second object for instance.
 */
export function takesOneObject<Input, Result>(
  workflow: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return (input: Input, ...more: unknown[]) => workflow(isTooMuch(more) ? refused(more) : input);
}

/**
 * A workflow that hands its state on to the run that continues it, after the input. Given to a first run, it is no state
 * but somebody's second object.
 */
export function carriesState<Input, State extends unknown[], Result>(
  workflow: (input: Input, ...state: State) => Promise<Result>,
): (input: Input, ...state: State) => Promise<Result> {
  return (input, ...state) => {
    const continues = workflowInfo().continuedFromExecutionRunId !== undefined;
    return continues || !isTooMuch(state)
      ? workflow(input, ...state)
      : workflow(refused(state), ...([] as unknown[] as State));
  };
}

/** Runs of 0.1.0 that were given more went on with it, and replay so. */
function isTooMuch(more: readonly unknown[]): boolean {
  return more.length > 0 && patched('refuses-extra-arguments');
}

/** Every workflow checks its input first, and so does the frame that it shares with the others. */
function refused<Input>(more: readonly unknown[]): Input {
  return new ExtraArguments(1 + more.length) as Input;
}
