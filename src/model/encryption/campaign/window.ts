import { z } from 'zod';
import { fixedDurationMs, fixedDurationSchema, formatDuration } from '../../duration';
import { expectedPreparation } from '../../moves/downtime';
import type { PlannedMachine } from '../../moves/migration';
import { cronSchema, weekdaysSchema } from '../../policies/timetable';

/** What a machine's expected downtime leaves of a window at least: an estimate is no promise, and an undo takes time too. */
const MARGIN_MS = 10 * 60_000;
const LONGEST_MS = 7 * 86_400_000;

const timeOfDay = (pattern: RegExp) => z.string().regex(pattern, 'not a time of day; write it like 22:00');

/**
 * When machines may be down, in wall-clock time: on `days` `from` one time `to` another, past midnight where `to` is
 * the earlier one; or for a `duration` from each time of a `cron` on.
 */
export const windowSchema = z
  .strictObject({
    days: weekdaysSchema.optional().describe('Days on which it opens; all of them when left out.'),
    from: timeOfDay(/^([01]\d|2[0-3]):[0-5]\d$/)
      .optional()
      .describe('When it opens. With `to`; or give `cron` and `duration`.'),
    to: timeOfDay(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/)
      .optional()
      .describe('When it closes; on the next day where it is before `from`.'),
    cron: cronSchema.optional().describe('When it opens, in five fields.'),
    duration: fixedDurationSchema.optional().describe('How long it is open after each time of `cron`.'),
    timezone: z
      .string({ error: 'name an IANA timezone, like Europe/Berlin' })
      .describe('IANA name; the times are of its wall clock.'),
  })
  .superRefine((window, context) => {
    for (const [field, message] of formProblems(window))
      context.addIssue({ code: 'custom', path: [field], message });
  });

export type MaintenanceWindow = z.output<typeof windowSchema>;

interface Form {
  days?: readonly string[];
  from?: string;
  to?: string;
  cron?: string;
  duration?: string;
}

function formProblems({ days, from, to, cron, duration }: Form): [string, string][] {
  if (cron !== undefined) {
    if (days ?? from ?? to) return [['cron', 'give cron and duration, or days, from and to; not both']];
    if (duration === undefined) return [['duration', 'say how long it is open, like 4h']];
    const isLong = (fixedDurationMs(duration) ?? 0) > LONGEST_MS;
    return isLong ? [['duration', 'at most 7d; leave window out for no window at all']] : [];
  }
  if (duration !== undefined) return [['duration', 'goes with cron; write from and to instead']];
  if (from === undefined) return [['from', 'say when it opens, like 22:00; or give cron and duration']];
  if (to === undefined) return [['to', 'say when it closes, like 04:00']];
  if (from === to) return [['to', 'closes when it opens; for whole days write 00:00 to 24:00']];
  return [];
}

/** Milliseconds since the epoch; `text` is the opening as people in the window's timezone write it. */
export interface Opening {
  opensAt: number;
  closesAt: number;
  text: string;
}

/** What a machine needs of a window, from its start on and from its stop on. */
export interface TimeNeeded {
  needMs: number;
  fromStopMs: number;
}

export interface MachineNeed extends TimeNeeded {
  instanceId: string;
  /** The sum, for people. */
  sum: string;
}

export interface WindowCheck {
  next: Opening;
  /** Machines that no opening is long enough for, and why. */
  tooLong: { item: string; reasons: string[] }[];
}

export function timeNeeded({ instanceId, disks, strategy, drain }: PlannedMachine): MachineNeed {
  const preparationMs = expectedPreparation(disks)[strategy.name] + (drain?.takesMs ?? 0);
  const downtimeMs = strategy.expectedDowntimeMs[strategy.name];
  const fromStopMs = downtimeMs + MARGIN_MS;
  const needMs = preparationMs + fromStopMs;
  const seeds = preparationMs > 0 ? `${formatDuration(preparationMs)} of preparation + ` : '';
  const sum = `${seeds}${formatDuration(downtimeMs)} of downtime + ${formatDuration(MARGIN_MS)} of margin = ${formatDuration(needMs)}`;
  return { instanceId, needMs, fromStopMs, sum };
}
