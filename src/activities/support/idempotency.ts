import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import type { Settings } from './deps';
import { sleep } from './pace/waits';

/** A ClientToken: the same request key always gives the same one. AWS takes at most 64 ASCII characters. */
export function clientToken(requestKey: string): string {
  return createHash('sha256').update(requestKey).digest('hex');
}

/** Short id of what was asked for, for tags and names. */
export function requestId(...parts: string[]): string {
  return clientToken(parts.join('|')).slice(0, 16);
}

/**
 * What an earlier attempt of this activity may have made although its answer was lost. Undefined on the first
 * attempt; on a retry it waits until reads show what was written, and looks twice.
 */
export async function findMadeEarlier<Found>(
  settings: Settings,
  find: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  if (Context.current().info.attempt === 1) return undefined;
  return findInTime(settings, find, { lookAtOnce: false });
}

/** Looks, and looks again after the read lag: one empty list proves nothing. */
export async function findInTime<Found>(
  { readLagMs }: Settings,
  find: () => Promise<Found | undefined>,
  { lookAtOnce = true } = {},
): Promise<Found | undefined> {
  if (!lookAtOnce) await sleep(readLagMs);
  const found = await find();
  if (found !== undefined) return found;
  await sleep(lookAtOnce ? readLagMs : Math.ceil(readLagMs / 5));
  return find();
}
