import { Context } from '@temporalio/activity';
import type { Settings } from './deps';
import { now, sleep } from './pace/waits';

/** A snapshot that was there and is not shown for this many read lags has been deleted by somebody. */
export const LAGS_UNTIL_GONE = 4;

/** What a wait has seen of things by id: reads may lag, and what none of them shows for `LAGS_UNTIL_GONE` lags is no more. */
export class Sightings {
  private readonly missingSince = new Map<string, number>();

  constructor(private readonly settings: Pick<Settings, 'readLagMs'>) {}

  /**
   * To be told of every look. Time alone says nothing: between two looks may be minutes, and one empty answer is not believed.
   *
   * @returns those of the ids that are gone
   */
  gone(ids: readonly string[], found: Iterable<string | undefined>): string[] {
    const shown = new Set(found);
    return ids.filter((id) => {
      if (shown.has(id)) this.missingSince.delete(id);
      else if (!this.missingSince.has(id)) this.missingSince.set(id, now());
      const since = this.missingSince.get(id);
      return since !== undefined && now() - since > LAGS_UNTIL_GONE * this.settings.readLagMs;
    });
  }
}

/**
 * Those of the ids that no look has shown for `LAGS_UNTIL_GONE` read lags: at once, where the first look shows all.
 *
 * @param look the ids of what is there
 */
export async function findCertainlyGone(
  settings: Pick<Settings, 'readLagMs' | 'pollMs'>,
  ids: readonly string[],
  look: (ids: readonly string[]) => Promise<readonly (string | undefined)[]>,
): Promise<string[]> {
  const sightings = new Sightings(settings);
  for (let open = ids; ; await sleep(settings.pollMs)) {
    const shown = new Set(await look(open));
    open = open.filter((id) => !shown.has(id));
    const gone = sightings.gone(open, shown);
    if (gone.length === open.length) return gone;
    Context.current().heartbeat({ missing: open });
  }
}

/** Whether an activity that looks once an attempt has been looking for so long that what no read shows is gone, not late. */
export function isOverdue({ readLagMs }: Pick<Settings, 'readLagMs'>): boolean {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  return currentAttemptScheduledTimestampMs - scheduledTimestampMs > LAGS_UNTIL_GONE * readLagMs;
}
