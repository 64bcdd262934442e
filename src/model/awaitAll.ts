/**
 * As Promise.all, but a failure is told when all have ended: an undo must not begin while a call that it undoes is under
 * way, and a retry must not run beside it.
 */
export async function awaitAll<Value>(works: readonly Promise<Value>[]): Promise<Value[]> {
  const ends = await Promise.allSettled(works);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}
