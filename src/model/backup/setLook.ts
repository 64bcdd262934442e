import type { BegunSet } from './protection';

/** A snapshot of a set, as a look shows it. */
export interface SeenSnapshot {
  snapshotId: string;
  volumeId: string;
  /** As EC2 says: `pending`, `completed`, `error` and others. */
  state: string | undefined;
  /** Why it is in error, where EC2 says so. */
  stateMessage: string | undefined;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Of blocks that have ever been written. */
  fullBytes: number;
  tags: Readonly<Record<string, string>>;
}

/** What a look says of a set that is there. */
export type SetVerdict =
  | { is: 'broken'; broken: SeenSnapshot }
  /** Some of it is not shown: reads lag. */
  | { is: 'not all shown' }
  /** Some of it has not been shown for longer than reads lag. */
  | { is: 'gone' }
  | { is: 'under way' }
  | { is: 'completed' };

/**
 * @param at milliseconds since the epoch
 * @param goneAfterMs that none of the looks has shown all of it
 */
export function judgeSet(
  { size, seenAt }: BegunSet,
  seen: readonly SeenSnapshot[],
  { at, goneAfterMs }: { at: number; goneAfterMs: number },
): SetVerdict {
  const broken = seen.find(({ state }) => state === 'error');
  if (broken) return { is: 'broken', broken };
  if (new Set(seen.map(({ volumeId }) => volumeId)).size < size)
    return { is: at - seenAt > goneAfterMs ? 'gone' : 'not all shown' };
  return { is: seen.every(({ state }) => state === 'completed') ? 'completed' : 'under way' };
}
