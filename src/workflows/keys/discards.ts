import { patched } from '@temporalio/workflow';
import type { DiscardedKey } from '../../activities/keys/discards';
import { undo as undoing } from '../support/options';

export type { DiscardedKey };

/** Schedules a key of this run for deletion, by the id that the run recorded where it has one. */
export async function discardMade(discarded: DiscardedKey, summary: string): Promise<unknown> {
  if (patched('discards-keys-by-id')) return undoing(summary).discardMadeKey(discarded);
  const { target, alias, maker } = discarded.wanted;
  return undoing(summary).discardKey({ target, alias, runId: maker.runId });
}
