const CLOSED: ReadonlySet<string> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'CONTINUED_AS_NEW',
  'TIMED_OUT',
]);

/**
 * Whether a workflow of this status (Temporal's own names) may still do something. A paused one goes on some day; of a status
 * that nobody has heard of, nobody knows that it has ended.
 */
export function isOpenStatus(status: string): boolean {
  return !CLOSED.has(status);
}
