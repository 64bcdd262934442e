import type { Client } from '@temporalio/client';
import { HOLD_MEMO, type Hold } from '../model/hold';
import { heartbeat } from './heartbeat';

/** Open ones, whatever state they are open in: paused workflows hold too, and have no end. */
const OPEN_HOLDS = "WorkflowType = 'setLegalHold' AND CloseTime IS NULL";

export interface OpenHolds {
  holds: Hold[];
  /** Workflow ids of holds that were opened a moment ago and do not say yet what they hold. */
  unknown: string[];
}

/** The legal holds that are open now, by what their workflows say of themselves. */
export async function openHolds(temporal: Client): Promise<OpenHolds> {
  const open: OpenHolds = { holds: [], unknown: [] };
  for await (const { memo, workflowId } of temporal.workflow.list({ query: OPEN_HOLDS })) {
    heartbeat();
    const hold = memo?.[HOLD_MEMO] as Hold | undefined;
    if (hold) open.holds.push(hold);
    else open.unknown.push(workflowId);
  }
  return open;
}
