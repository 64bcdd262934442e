import { z } from 'zod';

/**
 * Durations of the public contract: `15m`, `4h`, `30d`, `12mo`, `7y`, `forever`. Minutes, hours and days are fixed
 * lengths; months and years are calendar ones in the policy's timezone (see src/calendar).
 */
const DURATION = /^([1-9]\d{0,4})(m|h|d|mo|y)$/;

export type DurationUnit = 'm' | 'h' | 'd' | 'mo' | 'y';

export interface ParsedDuration {
  amount: number;
  unit: DurationUnit;
}

const FIXED_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const EXAMPLES = 'write it like 15m, 4h or 30d';

/** Undefined when the text is no duration, or is `forever`. */
export function parseDuration(text: string): ParsedDuration | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  return { amount: Number(match[1]), unit: match[2] as DurationUnit };
}

/** Milliseconds of a fixed duration; undefined for months, years, `forever` and anything that is no duration. */
export function fixedDurationMs(text: string): number | undefined {
  const parsed = parseDuration(text);
  if (!parsed || parsed.unit === 'mo' || parsed.unit === 'y') return undefined;
  return parsed.amount * FIXED_MS[parsed.unit];
}

/** A fixed length of time: `15m 4h 30d`. */
export const fixedDurationSchema = z
  .string()
  .refine(
    (text) => fixedDurationMs(text) !== undefined,
    `not a length of time in minutes, hours or days; ${EXAMPLES}`,
  )
  .meta({ examples: ['15m', '4h', '30d'] });

/** How long something is kept: any duration, or `forever`. */
export const retentionDurationSchema = z
  .string()
  .refine(
    (text) => text === 'forever' || parseDuration(text) !== undefined,
    `not a duration; ${EXAMPLES}, or 12mo, 7y, forever`,
  )
  .meta({ examples: ['30d', '12mo', '7y', 'forever'] });

/** `2 h 5 min`, for people. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ];
  const shown = parts.filter(([amount]) => amount > 0).slice(0, 2);
  return shown.length === 0 ? '0 s' : shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}
