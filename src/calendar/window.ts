import { DateTime, IANAZone } from 'luxon';
import { fixedDurationMs } from '../model/duration';
import { WEEKDAYS } from '../model/policies/timetable';
import type { MaintenanceWindow, Opening } from '../model/encryption/campaign/window';
import {
  instantsOf,
  offsetsAround,
  requireTimezone,
  ScheduleProblem,
  slotsFrom,
  timetableOfCron,
} from './timetable';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Every weekday comes within a week, even where the clocks skip one; rare dates of a cron come within eight years. */
const LOOK_DAYS = [15, 400, 9 * 366];

interface Span {
  opensAt: number;
  closesAt: number;
}

/**
 * The first opening of which so much is left.
 *
 * @throws ScheduleProblem where none ever comes
 */
export function nextOpening(window: MaintenanceWindow, from: number, needMs: number): Opening {
  const [found] = look(window, from, (span) => span.closesAt - Math.max(from, span.opensAt) >= needMs);
  if (!found) throw new ScheduleProblem('window', 'it never opens for long enough');
  return { ...found, text: inWords(window, found.opensAt) };
}

/**
 * The longest of the openings that come next.
 *
 * @throws ScheduleProblem where none ever comes
 */
export function longestOpeningMs(window: MaintenanceWindow, from: number): number {
  const found = look(window, from, () => true);
  if (found.length === 0)
    throw new ScheduleProblem('window', 'it never opens: no day is in all of its fields');
  return Math.max(...found.map(({ opensAt, closesAt }) => closesAt - opensAt));
}

function look(window: MaintenanceWindow, from: number, wanted: (span: Span) => boolean): Span[] {
  requireTimezone(window.timezone);
  for (const days of LOOK_DAYS) {
    const found = openingsFrom(window, from, days).filter(wanted);
    if (found.length > 0) return found;
  }
  return [];
}

/** Openings that are not over yet; those that touch or overlap are one. */
export function openingsFrom(window: MaintenanceWindow, from: number, days: number): Span[] {
  const spans = window.cron === undefined ? weekly(window, from, days) : byCron(window, from, days);
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.opensAt <= last.closesAt) last.closesAt = Math.max(last.closesAt, span.closesAt);
    else merged.push({ ...span });
  }
  return merged.filter(({ closesAt }) => closesAt > from);
}

function byCron(
  { cron = '', duration = '', timezone }: MaintenanceWindow,
  from: number,
  days: number,
): Span[] {
  const openMs = fixedDurationMs(duration) ?? 0;
  const began = from - openMs;
  const slots = slotsFrom(timetableOfCron(cron), timezone, began, days + Math.ceil(openMs / DAY_MS) + 1);
  return slots.map((opensAt) => ({ opensAt, closesAt: opensAt + openMs }));
}

function weekly(
  { days: on, from: opens = '', to: closes = '', timezone }: MaintenanceWindow,
  from: number,
  days: number,
): Span[] {
  const zone = IANAZone.create(timezone);
  const [openMinute, closeMinute] = [minuteOf(opens), minuteOf(closes)];
  const spans: Span[] = [];
  let day = DateTime.fromMillis(from - 2 * DAY_MS, { zone: timezone }).startOf('day');
  for (let count = 0; count < days + 2; count++, day = day.plus({ days: 1 })) {
    const name = WEEKDAYS[day.weekday % 7];
    if (on && name && !on.includes(name)) continue;
    const midnight = Date.UTC(day.year, day.month - 1, day.day);
    const closing = midnight + (closeMinute > openMinute ? 0 : DAY_MS) + closeMinute * MINUTE_MS;
    const opensAt = moment(midnight + openMinute * MINUTE_MS, zone, 'last');
    const closesAt = moment(closing, zone, 'first');
    if (closesAt > opensAt) spans.push({ opensAt, closesAt });
  }
  return spans;
}

/**
 * The moment of a wall-clock time. One that the clocks skip is the moment at which they do. Of one that they show
 * twice, a window takes the later to open and the earlier to close: no clock on a wall then shows a time outside.
 */
function moment(wallClock: number, zone: IANAZone, which: 'first' | 'last'): number {
  const offsets = offsetsAround(wallClock, zone);
  const instants = instantsOf(wallClock, offsets, zone).sort((a, b) => a - b);
  const found = which === 'first' ? instants[0] : instants.at(-1);
  if (found !== undefined) return found;
  const [earliest = 0] = [...offsets].map((offset) => wallClock - offset * MINUTE_MS).sort((a, b) => a - b);
  let at = earliest;
  while (zone.offset(at) === zone.offset(earliest)) at += MINUTE_MS;
  return at;
}

function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}

function inWords({ timezone }: MaintenanceWindow, at: number): string {
  const local = DateTime.fromMillis(at, { zone: timezone, locale: 'en-GB' });
  return `${local.toFormat('cccc d LLLL yyyy, HH:mm')} (${timezone})`;
}
