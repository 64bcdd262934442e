import { CronExpressionParser } from 'cron-parser';
import { DateTime, IANAZone } from 'luxon';
import type { BackupPolicy } from '../model/policies/policy';
import { fixedDurationMs, formatDuration } from '../model/duration';
import { timetableOf, type Timetable } from '../model/policies/timetable';
import { nextServerSlot, wallClockOf } from './serverSlots';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Both changes of the clocks, and a leap day now and then, are in so many days. */
const LOOK_AHEAD_DAYS = 400;
/** An hour more in a day says nothing. */
const NOTED = 1.25;
/** 29 February comes every four years, and eight across 2100. */
const LONGEST_LOOK_DAYS = 9 * 366;

/** When a policy is due, and the longest and shortest time between two slots. */
export interface PolicyRhythm {
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
export function rhythmOf(policy: BackupPolicy, now: number): PolicyRhythm {
  const { frequency, cron, calendar } = policy;
  const timezone = zoneOf(policy.timezone);
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
  zoneOf(timezone);
}

const ZONES = new Map(Intl.supportedValuesOf('timeZone').map((zone) => [zone.toLowerCase(), zone]));
/** Older names of zones, as in `US/Eastern`: no list has them, and Temporal's server takes them as they are written in the database. */
const WRITTEN_RIGHT = /^(UTC|GMT|[A-Z][A-Za-z]+(\/[A-Z][A-Za-z_+\-0-9]*)+)$/;

/**
 * A zone in the one spelling that Temporal's server takes too; Node takes any.
 *
 * @throws ScheduleProblem
 */
export function zoneOf(timezone: string): string {
  const known = ZONES.get(timezone.toLowerCase());
  if (known !== undefined) return known;
  const problem = (text: string) => new ScheduleProblem('timezone', text);
  if (!IANAZone.isValidZone(timezone))
    throw problem(`${timezone} is not an IANA timezone; write it like Europe/Berlin`);
  if (WRITTEN_RIGHT.test(timezone)) return timezone;
  const canonical = new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone;
  return canonical;
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

/** Runs of one policy that an outage may leave to be started at once when it is over. */
const MOST_CAUGHT_UP = 4;

/**
 * How late a slot may still be run: as long as the longest gap, so that the last one before it is made up for, as far as no more
 * than a few slots are ever in so much time. Each of them would back up the same.
 */
export function catchUpMs(
  { frequencyMs, timetable, timezone }: { frequencyMs: number; timetable?: Timetable; timezone: string },
  now: number,
): number {
  if (!timetable) return frequencyMs;
  const gaps = gapsOf(timetable, timezone, now);
  const few = gaps
    .slice(MOST_CAUGHT_UP - 1)
    .map((_, first) => gaps.slice(first, first + MOST_CAUGHT_UP).reduce((sum, gap) => sum + gap, 0));
  return Math.min(frequencyMs, ...few);
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

/** As Temporal's server reckons them: around a change of the clocks step by step, on all other days all at once. */
export function slotsFrom(timetable: Timetable, timezone: string, from: number, days: number): number[] {
  const zone = IANAZone.create(timezone);
  const slots: number[] = [];
  let day = DateTime.fromMillis(from, { zone: timezone }).startOf('day');
  // Where midnight itself is skipped a day begins later, and the next one does not.
  for (let count = 0; count < days; count++, day = day.plus({ days: 1 }).startOf('day')) {
    const midnight = Date.UTC(day.year, day.month - 1, day.day);
    const [offset = 0, ...others] = offsetsAround(midnight, zone);
    if (others.length > 0) slots.push(...serverSlots(timetable, zone, day));
    else if (isOn(timetable, day))
      for (const hour of timetable.hours)
        for (const minute of timetable.minutes)
          slots.push(midnight + (hour * 60 + minute - offset) * MINUTE_MS);
  }
  return [...new Set(slots)].filter((slot) => slot >= from).sort((a, b) => a - b);
}

/** Of one day. What the server runs next depends on what it ran last, so that the walk begins the day before. */
function serverSlots(timetable: Timetable, zone: IANAZone, day: DateTime): number[] {
  const [begins, ends] = [day.toMillis(), day.plus({ days: 1 }).startOf('day').toMillis()];
  const slots: number[] = [];
  const next = (after: number) => nextServerSlot(timetable, zone, after, ends);
  for (let at = next(begins - DAY_MS); at !== undefined && at < ends; at = next(at))
    if (at >= begins) slots.push(at);
  return slots;
}

/** When the clocks of a zone change within a time: the first moments under another offset. */
export function clockChanges(timezone: string, from: number, to: number): number[] {
  const zone = IANAZone.create(timezone);
  const changes: number[] = [];
  for (let day = from; day < to; day += DAY_MS) {
    const before = zone.offset(day);
    if (zone.offset(day + DAY_MS) === before) continue;
    let [same, other] = [day, day + DAY_MS];
    while (other - same > MINUTE_MS) {
      const middle = same + Math.floor((other - same) / 2);
      if (zone.offset(middle) === before) same = middle;
      else other = middle;
    }
    changes.push(Math.floor(other / MINUTE_MS) * MINUTE_MS);
  }
  return changes;
}

/** What a year's changes of the clocks do to a schedule, for people; nothing where the distance of its slots stays the same. */
export function clockNotes(timetable: Timetable, timezone: string, now: number): string[] {
  return clockChanges(timezone, now, now + LOOK_AHEAD_DAYS * DAY_MS).flatMap((at) => {
    const zone = IANAZone.create(timezone);
    const [before, after] = [zone.offset(at - MINUTE_MS), zone.offset(at)];
    const around = slotsFrom(timetable, timezone, at - 9 * DAY_MS, 12);
    const [longest, usual] = [longestGap(around, at), longestGap(around, at - 7 * DAY_MS)];
    const twice = around.length - new Set(around.map((slot) => wallClockOf(zone, slot))).size;
    if (longest < usual * NOTED && twice === 0) return [];
    const way = after > before ? 'forward' : 'back';
    const runs = twice > 0 ? `; ${twice} of its times come twice` : '';
    return `${DateTime.fromMillis(at, { zone: timezone }).toFormat('yyyy-LL-dd')}, when the clocks of ${timezone} go ${way}: up to ${formatDuration(longest)} between two runs instead of ${formatDuration(usual)}${runs}`;
  });
}

function longestGap(slots: readonly number[], around: number): number {
  const near = slots.slice(1).flatMap((slot, index) => {
    const begins = slots[index] ?? slot;
    return slot > around - DAY_MS / 4 && begins < around + DAY_MS / 4 ? slot - begins : [];
  });
  return Math.max(0, ...near);
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
