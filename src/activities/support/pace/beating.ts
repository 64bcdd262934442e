import { Context } from '@temporalio/activity';
import { rest } from './waits';

/** Commands may take longer than a heartbeat may stay out. */
export async function beatDuring<Result>(
  beat: unknown,
  everyMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  const over = new AbortController();
  const beats = async () => {
    for (; !over.signal.aborted; await rest(everyMs, over.signal)) context.heartbeat(beat);
  };
  void beats().catch(() => undefined);
  try {
    return await work();
  } finally {
    over.abort();
  }
}
