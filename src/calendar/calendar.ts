import { DateTime } from 'luxon';
import { fixedDurationMs, parseDuration } from '../model/duration';
import type { Period } from '../model/points/retentionTerms';

/**
 * The moment when something that is kept so long, from then on, expires; undefined for `forever`, and at once when its
 * age keeps it for no time. Months and years are calendar ones in the timezone: a month from 31 January ends on the
 * last day of February.
 */
export function expiryOf(from: number, retention: string | undefined, timezone: string): number | undefined {
  if (retention === undefined) return from;
  const fixed = fixedDurationMs(retention);
  if (fixed !== undefined) return from + fixed;
  const parsed = parseDuration(retention);
  if (!parsed) return undefined;
  const start = DateTime.fromMillis(from, { zone: timezone });
  return start.plus(parsed.unit === 'mo' ? { months: parsed.amount } : { years: parsed.amount }).toMillis();
}

/** When the day, ISO week, month or year began that a moment is in. */
export function periodStart(at: number, period: Period, timezone: string): number {
  return DateTime.fromMillis(at, { zone: timezone }).startOf(period).toMillis();
}
