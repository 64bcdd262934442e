import { z } from 'zod';

/** Sunday is 0, as in crontab. */
export const WEEKDAYS = [
  'SUNDAY',
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
] as const;

export const weekdaysSchema = z.array(z.enum(WEEKDAYS)).min(1, 'leave it out, or name one').max(7);

const numbers = (least: number, most: number) =>
  z
    .array(z.number().int().min(least).max(most))
    .min(1, 'leave it out, or name one')
    .max(most - least + 1);

/** Wall-clock times in the policy's timezone: every one that all fields allow. What is left out allows all days. */
export const calendarSchema = z.strictObject({
  minutes: numbers(0, 59).default([0]).describe('Of each of these hours.'),
  hours: numbers(0, 23).describe('Of the day.'),
  daysOfMonth: numbers(1, 31).optional().describe('Every day when left out.'),
  months: numbers(1, 12).optional().describe('Every month when left out.'),
  daysOfWeek: weekdaysSchema.optional().describe('Every day when left out.'),
});

export type CalendarSpec = z.output<typeof calendarSchema>;

/** `*`, a value, or a range, each with or without a step; a value is a number or the name of a month or weekday. */
const CRON_TERM = /^(?:\*|(?:\d{1,2}|[a-z]{3})(?:-(?:\d{1,2}|[a-z]{3}))?)(?:\/([1-9]\d?))?$/i;
/** What a step goes through, and how far that is: one that is longer leaves the first value only, at every turn of the field. */
const CRON_FIELDS = [
  { name: 'minutes', span: 59 },
  { name: 'hours', span: 23 },
  { name: 'days of the month', span: 30 },
  { name: 'months', span: 11 },
  { name: 'days of the week', span: 6 },
] as const;

/** Five fields, as of crontab(5), and of it what a Temporal Schedule says exactly; reckoned in the policy's timezone. */
export const cronSchema = z
  .string()
  .refine((text) => text.trim().split(/\s+/).length === 5, 'not five fields; write it like 30 2 * * 1-5')
  .superRefine((text, context) => {
    const [message] = cronProblems(text.trim().split(/\s+/));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

function cronProblems(fields: readonly string[]): string[] {
  return fields.flatMap((field, index) => {
    const { name = '', span = 0 } = CRON_FIELDS[index] ?? {};
    return field.split(',').flatMap((term) => {
      const match = CRON_TERM.exec(term);
      if (!match)
        return `${term} is no value, range or step that a Schedule knows; write 30, 1-5, */15, MON or a list of those with commas (the first Monday of a month is a calendar with daysOfMonth 1 to 7 and daysOfWeek MONDAY)`;
      return Number(match[1] ?? 1) > span
        ? `${term}: there are no ${match[1]} ${name} to step over, and cron would begin anew at every turn; name the ${name} themselves, or write frequency: with a length of time like 90m or 36h`
        : [];
    });
  });
}

/** A calendar as a normalized policy carries it, with all that it allows. Sunday is 0. */
export const timetableSchema = z.strictObject({
  minutes: z.array(z.number()),
  hours: z.array(z.number()),
  daysOfMonth: z.array(z.number()),
  months: z.array(z.number()),
  daysOfWeek: z.array(z.number()),
});

export type Timetable = z.output<typeof timetableSchema>;

export function timetableOf({ minutes, hours, daysOfMonth, months, daysOfWeek }: CalendarSpec): Timetable {
  const all = (least: number, most: number) =>
    Array.from({ length: most - least + 1 }, (_, index) => least + index);
  return {
    minutes: sorted(minutes),
    hours: sorted(hours),
    daysOfMonth: daysOfMonth ? sorted(daysOfMonth) : all(1, 31),
    months: months ? sorted(months) : all(1, 12),
    daysOfWeek: daysOfWeek ? sorted(daysOfWeek.map((day) => WEEKDAYS.indexOf(day))) : all(0, 6),
  };
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
