import { getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import type { MoveReport } from '../../model/moves/migration';
import { failureType, reasonOf } from '../support/failure';
import { MIGRATION_ENDED } from '../../model/messages';

/** Tells the campaign, where there is one; a campaign that is gone needs no telling. */
export async function announce<Report extends MoveReport>(
  campaignId: string | undefined,
  ended: Report,
): Promise<Report> {
  if (campaignId === undefined) return ended;
  try {
    await getExternalWorkflowHandle(campaignId).signal(MIGRATION_ENDED, ended);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the campaign could not be told', { campaignId, error });
  }
  return ended;
}

/** How a move ended that did not end well. */
export function failedMove(error: unknown): Pick<MoveReport, 'outcome' | 'message' | 'volumeIdMap'> {
  const outcome = isCancellation(error) ? 'cancelled' : OUTCOMES[failureType(error)];
  return { outcome: outcome ?? 'failed', message: reasonOf(error), volumeIdMap: {} };
}

const OUTCOMES: Partial<Record<string, MoveReport['outcome']>> = {
  [FAILURE.rolledBack]: 'rolledBack',
  [FAILURE.notMigratable]: 'blocked',
};
