/**
 * Whether a workflow of this status still looks after what it has made. A paused one does: it goes on when somebody
 * unpauses it (https://docs.temporal.io/workflow-execution#status).
 */
export function isOpenStatus(status: string): boolean {
  return status === 'RUNNING' || status === 'PAUSED';
}
