import { isCancellation, log, workflowInfo } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../../model/names';
import type { Notification } from '../../model/notification';
import { evidence } from './options';

type Told = Pick<Notification, 'kind' | 'summary' | 'policyName' | 'outcome'>;

/** Tells whoever is to be told (HOLDFAST_NOTIFY). A receiver that is away for an hour is given up, not the run. */
export async function tellPeople(told: Told): Promise<void> {
  const { workflowType, workflowId, runId } = workflowInfo();
  try {
    await evidence('Tell people').notify({ notification: { ...told, workflowType, workflowId, runId } });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('a notification could not be sent', { error });
  }
}

/** Of a run that can do nothing more by itself. A parent would say so only when it ends, so children speak for themselves. */
export async function tellOfNeed(summary: string): Promise<void> {
  await tellPeople({ kind: 'NeedsPerson', summary });
}

/** Of a run that failed. Children speak through their parent. */
export async function tellOfFailure(outcome: string, summary: string): Promise<void> {
  if (workflowInfo().parent) return;
  const { name } = SEARCH_ATTRIBUTES.policy;
  const policyName = workflowInfo().typedSearchAttributes.get({ name, type: 'KEYWORD' });
  await tellPeople({ kind: 'Failed', summary, outcome, ...(policyName && { policyName }) });
}
