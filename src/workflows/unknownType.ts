import { workflowInfo } from '@temporalio/workflow';
import { FAILURE } from '../model/failures';
import { STARTED_BY_MEMO } from '../model/names';
import { nearest } from '../model/nearest';
import { OPERATION_NAMES } from '../model/operations';
import { fail } from './support/failure';
import { Run } from './support/operation';

/** Temporal's own search attribute on runs that a Schedule has started: https://docs.temporal.io/search-attribute */
const OF_A_SCHEDULE = 'TemporalScheduledById';

/**
 * The run of a workflow type that this worker does not serve. One that a person mistyped ends with the names there are.
 * One that Holdfast itself started is of a newer version, and waits for that version's worker.
 *
 * @throws ApplicationFailure InvalidInput, non-retryable
 */
export function unknownType(): Promise<never> {
  const { workflowType } = workflowInfo();
  // Not a failure of the run, but of the workflow task: Temporal gives it to a worker again, until one knows the type.
  if (isOfHoldfast())
    throw new TypeError(`this worker has no workflow type ${workflowType}; a newer one has to run`);
  const meant = nearest(workflowType, OPERATION_NAMES);
  const problem = `${workflowType}: Holdfast has no workflow of this type${meant ? `; did you mean ${meant}?` : '.'} There are ${OPERATION_NAMES.join(', ')}`;
  const run = new Run();
  run.remark(problem);
  run.end('InvalidInput');
  throw fail(FAILURE.invalidInput, problem);
}

function isOfHoldfast(): boolean {
  const { parent, continuedFromExecutionRunId, memo, typedSearchAttributes } = workflowInfo();
  const schedule = typedSearchAttributes.get({ name: OF_A_SCHEDULE, type: 'KEYWORD' });
  return [parent, continuedFromExecutionRunId, memo?.[STARTED_BY_MEMO], schedule].some(
    (each) => each !== undefined,
  );
}
