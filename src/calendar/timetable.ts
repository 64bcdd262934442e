import { CronExpressionParser } from 'cron-parser';
import { DateTime, IANAZone } from 'luxon';
import type { BackupPolicy } from '../model/policy';
import { fixedDurationMs } from '../model/duration';
import { timetableOf, type Timetable } from '../model/timetable';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Both changes of the clocks, and a leap day now and then, are in so many days. */
const LOOK_AHEAD_DAYS = 400;
/** 29 February comes every four years, and eight across 2100. */
const LONGEST_LOOK_DAYS = 9 * 366;

/** When a policy is due, and the longest and shortest time between two slots. */
export interface Rhythm {
  timetable?: Timetable;
  longestMs: number;
  shortestMs: number;
}

/** A schedule that cannot be kept: the field, and one sentence. */
export class ScheduleProblem extends Error {
  override readonly name = 'ScheduleProblem';

  constructor(
    readonly field: 'cron' | 'calendar' | 'timezone' | 'window',
    message: string,
  ) {
    super(message);
  }
}

/** @throws ScheduleProblem */
export function rhythmOf(policy: BackupPolicy, now: number): Rhythm {
  const { frequency, cron, calendar, timezone } = policy;
  requireTimezone(timezone);
  const everyMs = frequency === undefined ? undefined : fixedDurationMs(frequency);
  if (everyMs !== undefined) return { longestMs: everyMs, shortestMs: everyMs };
  const timetable = calendar ? timetableOf(calendar) : timetableOfCron(cron ?? '');
  const gaps = gapsOf(timetable, timezone, now);
  if (gaps.length === 0)
    throw new ScheduleProblem(calendar ? 'calendar' : 'cron', 'never comes: no day is in all of its fields');
  return { timetable, longestMs: Math.max(...gaps), shortestMs: Math.min(...gaps) };
}

/** @throws ScheduleProblem */
export function requireTimezone(timezone: string): void {
  if (IANAZone.isValidZone(timezone)) return;
  throw new ScheduleProblem('timezone', `${timezone} is not an IANA timezone; write it like Europe/Berlin`);
}

/** @throws ScheduleProblem */
export function timetableOfCron(cron: string): Timetable {
  const problem = (why: string) => new ScheduleProblem('cron', why);
  let fields;
  try {
    ({ fields } = CronExpressionParser.parse(cron));
  } catch (error) {
    throw problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const values = (name: 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek') => {
    const found: readonly (number | string)[] = fields[name].values;
    const plain = found.filter((value) => typeof value === 'number');
    if (plain.length < found.length)
      throw problem(`${name} holds what Temporal Schedules do not know; use numbers`);
    return plain;
  };
  const daysOfWeek = [...new Set(values('dayOfWeek').map((day) => day % 7))].sort((a, b) => a - b);
  const daysOfMonth = values('dayOfMonth');
  // Crontab takes either day then, Temporal both: nobody should have to know.
  if (daysOfMonth.length < 31 && daysOfWeek.length < 7)
    throw problem('names days of the month and days of the week; leave one of them *, and make two policies');
  return {
    minutes: values('minute'),
    hours: values('hour'),
    daysOfMonth,
    months: values('month'),
    daysOfWeek,
  };
}

/** Times between slots from now on, for long enough that a change of the clocks and the rarest day are among them. */
function gapsOf(timetable: Timetable, timezone: string, now: number): number[] {
  for (const days of [LOOK_AHEAD_DAYS, LONGEST_LOOK_DAYS]) {
    const slots = slotsFrom(timetable, timezone, now, days);
    if (slots.length > 1) return slots.slice(1).map((slot, index) => slot - (slots[index] ?? slot));
  }
  return [];
}

/** How far apart slots are on average. */
export function meanIntervalMs(
  { frequencyMs, timetable, timezone }: { frequencyMs: number; timetable?: Timetable; timezone: string },
  now: number,
): number {
  if (!timetable) return frequencyMs;
  const gaps = gapsOf(timetable, timezone, now);
  return gaps.length === 0 ? frequencyMs : gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
}

/** The scheduled slot before a moment. */
export function slotBefore(
  { frequencyMs, timetable, timezone }: { frequencyMs: number; timetable?: Timetable; timezone: string },
  moment: number,
): number | undefined {
  if (!timetable) return Math.ceil(moment / frequencyMs - 1) * frequencyMs;
  const from = moment - 2 * frequencyMs;
  const days = Math.ceil((2 * frequencyMs) / DAY_MS) + 1;
  return slotsFrom(timetable, timezone, from, days)
    .filter((slot) => slot < moment)
    .at(-1);
}

/** As Temporal does it: a wall-clock time that a day skips does not come, one that it has twice comes twice. */
export function slotsFrom(timetable: Timetable, timezone: string, from: number, days: number): number[] {
  const zone = IANAZone.create(timezone);
  const slots: number[] = [];
  let day = DateTime.fromMillis(from, { zone: timezone }).startOf('day');
  for (let count = 0; count < days; count++, day = day.plus({ days: 1 })) {
    if (!isOn(timetable, day)) continue;
    const midnight = Date.UTC(day.year, day.month - 1, day.day);
    const offsets = offsetsAround(midnight, zone);
    for (const hour of timetable.hours)
      for (const minute of timetable.minutes)
        slots.push(...instantsOf(midnight + (hour * 60 + minute) * MINUTE_MS, offsets, zone));
  }
  return [...new Set(slots)].filter((slot) => slot >= from).sort((a, b) => a - b);
}

function isOn({ daysOfMonth, months, daysOfWeek }: Timetable, day: DateTime): boolean {
  return months.includes(day.month) && daysOfMonth.includes(day.day) && daysOfWeek.includes(day.weekday % 7);
}

/** The zone's offsets of the days around a wall-clock time: two where the clocks change. */
export function offsetsAround(wallClock: number, zone: IANAZone): Set<number> {
  return new Set([zone.offset(wallClock - DAY_MS), zone.offset(wallClock + 2 * DAY_MS)]);
}

/** The moments at which the wall clock shows this, given the offsets of the days around it. */
export function instantsOf(wallClock: number, offsets: ReadonlySet<number>, zone: IANAZone): number[] {
  const candidates = [...offsets].map((offset) => wallClock - offset * MINUTE_MS);
  if (candidates.length === 1) return candidates;
  return candidates.filter((at) => at + zone.offset(at) * MINUTE_MS === wallClock);
}
