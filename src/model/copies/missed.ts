/** What became of the copies of one slot to one place. */
export interface SlotCopies {
  /** Milliseconds since the epoch. */
  slotMs: number;
  /** Runs of the job so far. */
  jobs: number;
  /** The last one did not bring all copies there. */
  isMissed: boolean;
}

/** So many slots are made up for at once: what is due goes on meanwhile. */
export const MADE_UP_AT_ONCE = 5;

/**
 * Slots before this one whose copies are to be made up for now: the newest first, but those that were tried less often before those that
 * fail again and again.
 */
export function missedSlots(slots: readonly SlotCopies[], beforeMs: number): number[] {
  return slots
    .filter(({ slotMs, isMissed }) => isMissed && slotMs < beforeMs)
    .sort((a, b) => a.jobs - b.jobs || b.slotMs - a.slotMs)
    .slice(0, MADE_UP_AT_ONCE)
    .map(({ slotMs }) => slotMs);
}
