import { z } from 'zod';
import { fixedDurationMs, parseDuration, retentionDurationSchema } from '../duration';

/** Calendar periods whose first point may be kept longer, the shortest first. */
export const PERIODS = ['day', 'week', 'month', 'year'] as const;
export type Period = (typeof PERIODS)[number];

/** The field of each period. */
const PERIOD_FIELDS = { day: 'daily', week: 'weekly', month: 'monthly', year: 'yearly' } as const;

const many = z.number().int().min(1).max(1000);

/** A point stays as long as one of these keeps it. */
const termsFields = {
  keep: retentionDurationSchema.optional().describe('By age.'),
  count: many.optional().describe('The newest so many of a lineage.'),
  /** Days, ISO weeks, months and years are reckoned in the policy's timezone. */
  daily: many.optional().describe('The first of each day, for the last so many that have points.'),
  weekly: many.optional().describe('The first of each ISO week, for the last so many that have points.'),
  monthly: many.optional().describe('The first of each month, for the last so many that have points.'),
  yearly: many.optional().describe('The first of each year, for the last so many that have points.'),
};

const NOTHING = 'say how long points are kept: keep, count, daily, weekly, monthly or yearly';

export const retentionTermsSchema = z
  .strictObject(termsFields)
  .refine((terms) => Object.values(terms).some((value) => value !== undefined), NOTHING);

export type RetentionTerms = z.output<typeof retentionTermsSchema>;

/** How long recovery points are kept: a duration, or terms by age, count and calendar. */
export const retentionSchema = z.union([retentionDurationSchema, retentionTermsSchema]);

export type Retention = z.output<typeof retentionSchema>;

/** The fields of the terms, for forms that group them with others. */
export const retentionFields = termsFields;

export function retentionTerms(retention: Retention): RetentionTerms {
  return typeof retention === 'string' ? { keep: retention } : retention;
}

/** For how many of each period the terms keep the first point. */
export function periodsKept(terms: RetentionTerms): { period: Period; count: number }[] {
  return PERIODS.flatMap((period) => {
    const count = terms[PERIOD_FIELDS[period]];
    return count === undefined ? [] : { period, count };
  });
}

/** `30d`, `7d, the newest 10, the first of 12 months`: for people. */
export function formatRetention(terms: RetentionTerms): string {
  return [
    ...(terms.keep ? [terms.keep] : []),
    ...(terms.count ? [`the newest ${terms.count}`] : []),
    ...periodsKept(terms).map(
      ({ period, count }) => `the first of ${count} ${period}${count > 1 ? 's' : ''}`,
    ),
  ].join(', ');
}

/** The shortest that a point may be kept by its age alone, in ms. A month has at least 28 days. */
export function leastAgeMs({ keep }: RetentionTerms): number {
  return keep === undefined ? 0 : ageMs(keep, { mo: 28, y: 365 });
}

/** The longest that it can be, in ms. */
export function mostAgeMs(keep: string): number {
  return ageMs(keep, { mo: 31, y: 366 });
}

/** @param days of a month and of a year */
function ageMs(keep: string, days: { mo: number; y: number }): number {
  const parsed = parseDuration(keep);
  if (!parsed) return Infinity;
  const { amount, unit } = parsed;
  return fixedDurationMs(keep) ?? amount * (unit === 'y' ? days.y : days.mo) * 86_400_000;
}

/** Whether the point before the newest may be gone already. */
export function keepsOnlyOne(terms: RetentionTerms, frequencyMs: number): boolean {
  return leastAgeMs(terms) <= frequencyMs && (terms.count ?? 0) < 2 && periodsKept(terms).length === 0;
}

/** One tag value, without what the point's expiry tag says: `count=10 daily=7 zone=Europe/Berlin`. */
export function formatTerms(terms: RetentionTerms, timezone: string): string {
  const numbers = Object.entries(terms).filter(([name]) => name !== 'keep');
  const parts = numbers.map(([name, value]) => `${name}=${value}`);
  return periodsKept(terms).length > 0 ? [...parts, `zone=${timezone}`].join(' ') : parts.join(' ');
}

/** What {@link formatTerms} wrote, from among other terms; what cannot be read is not there. */
export function parseTerms(text: string): { terms: RetentionTerms; timezone: string } {
  const values = new Map(text.split(' ').map((part) => part.split('=', 2) as [string, string | undefined]));
  const terms: RetentionTerms = {};
  for (const name of ['count', ...Object.values(PERIOD_FIELDS)] as const) {
    const value = Number(values.get(name));
    if (value > 0) terms[name] = value;
  }
  return { terms, timezone: values.get('zone') ?? 'UTC' };
}
