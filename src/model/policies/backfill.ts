import { z } from 'zod';

/** Of a time that people write; without an offset it would mean another moment on each machine. */
export const instantSchema = z.iso.datetime({
  offset: true,
  error: 'not an instant; write it in ISO 8601 with its offset, like 2026-11-24T04:00:00Z',
});

const DAY_MS = 86_400_000;

export interface BackfillRequest {
  from: Date;
  to: Date;
  /** When the policy's Schedule was made. */
  createdAt: Date;
  now: Date;
}

/** Why these slots cannot be run; undefined where they can. A run of a slot backs up what is there now, and tells that truly. */
export function whyNoBackfill({ from, to, createdAt, now }: BackfillRequest): string | undefined {
  if (from >= to) return `from (${from.toISOString()}) has to be before to (${to.toISOString()})`;
  if (to > now) return `to (${to.toISOString()}) is in the future; its slots will run by themselves`;
  if (from < createdAt)
    return `from (${from.toISOString()}) is before the policy was made, at ${createdAt.toISOString()}; there were no slots then`;
  return undefined;
}

/** What takes more than a day's slots is asked for twice: each run is a real backup of now. */
export function isBig({ from, to }: Pick<BackfillRequest, 'from' | 'to'>): boolean {
  return to.getTime() - from.getTime() > DAY_MS;
}
