import { SEARCH_ATTRIBUTES } from '../model/names';
import { isOpenStatus } from '../model/openStatus';
import type { Holdfast } from './operations';

const RESOURCE = /^(i|vol)-[0-9a-f]+$/;

/** Nothing has moved this machine or volume, as far as Temporal still knows. */
export class NotMoved extends Error {
  override readonly name = 'NotMoved';
}

/**
 * The workflow that is meant: people have the id of a machine at hand, and not that of the workflow that moves it.
 *
 * @param id a workflow id, which stays what it is, or the id of an instance or volume
 * @throws NotMoved
 */
export async function meantWorkflow(holdfast: Holdfast, id: string): Promise<string> {
  if (!RESOURCE.test(id)) return id;
  const query = `WorkflowType IN ("migrateMachine", "migrateVolume") AND ${SEARCH_ATTRIBUTES.resource.name} = "${id}"`;
  let newest: { workflowId: string; at: number } | undefined;
  for await (const { workflowId, status, startTime } of holdfast.temporal.workflow.list({ query })) {
    // Only one can be open at a time: its id is the lock.
    if (isOpenStatus(status.name)) return workflowId;
    if (startTime.getTime() > (newest?.at ?? 0)) newest = { workflowId, at: startTime.getTime() };
  }
  if (newest) return newest.workflowId;
  throw new NotMoved(
    `no migration of ${id} is known; a campaign's machines are in: holdfast encrypt status CAMPAIGN, and all there are in: holdfast inventory`,
  );
}
