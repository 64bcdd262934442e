import type { IANAZone } from 'luxon';
import type { Timetable } from '../model/policies/timetable';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What a clock on the wall shows, as if it were UTC: milliseconds. */
type WallClock = number;

/**
 * The first slot after a moment, reckoned as Temporal's server reckons it: it walks along the clock on the wall, and where the
 * clocks go back it runs both hours in some zones, and drops a part of them in others, because Go's time.Date takes the earlier
 * moment west of Greenwich and the later one east of it (https://pkg.go.dev/time#Date). `test/workflows/policies/slotsAsServer.test.ts`
 * compares.
 *
 * @returns undefined where none comes before `until`
 */
export function nextServerSlot(
  timetable: Timetable,
  zone: IANAZone,
  after: number,
  until: number,
): number | undefined {
  const walk = new Walk(timetable, zone, after);
  for (let at = walk.next(); walk.isBefore(until); at = walk.next()) if (at !== undefined) return at;
  return undefined;
}

/** A walk from minute to minute of the wall clock, in the second of two equal hours or not. */
class Walk {
  private wall: WallClock;
  /** Added in the second of two hours that the clocks show alike. */
  private repeatedMs: number;

  constructor(
    private readonly timetable: Timetable,
    private readonly zone: IANAZone,
    after: number,
  ) {
    this.wall = wallClockOf(zone, Math.floor(after / MINUTE_MS) * MINUTE_MS);
    const isSecond = hourOf(wallClockOf(zone, after - HOUR_MS)) === hourOf(this.wall);
    this.repeatedMs = isSecond ? HOUR_MS : 0;
    this.step();
  }

  isBefore(until: number): boolean {
    return this.wall - DAY_MS < until;
  }

  /** The slot where the walk stands, if it is one; it stands at the next candidate then. */
  next(): number | undefined {
    const { timetable, wall, repeatedMs } = this;
    const date = new Date(wall);
    const isDay =
      timetable.months.includes(date.getUTCMonth() + 1) &&
      timetable.daysOfMonth.includes(date.getUTCDate()) &&
      timetable.daysOfWeek.includes(this.weekdayOf(wall));
    if (!isDay) return this.skipTo(floor(wall, DAY_MS) + DAY_MS);
    if (!timetable.hours.includes(date.getUTCHours())) return this.skipTo(floor(wall, HOUR_MS) + HOUR_MS);
    if (!timetable.minutes.includes(date.getUTCMinutes())) return this.step();
    const at = momentOf(this.zone, wall);
    // A time that the clocks skip.
    if (hourOf(wallClockOf(this.zone, at)) !== hourOf(wall)) return this.jump(floor(wall, HOUR_MS) + HOUR_MS);
    this.step();
    return at + repeatedMs;
  }

  /** Of the moment that Go makes of it: where midnight is skipped, that can be the evening before, and the server passes over the day. */
  private weekdayOf(wall: WallClock): number {
    return new Date(wallClockOf(this.zone, momentOf(this.zone, wall))).getUTCDay();
  }

  private step(): undefined {
    const next = this.wall + MINUTE_MS;
    if (hourOf(next) === hourOf(this.wall)) return this.jump(next);
    const hour = floor(this.wall, HOUR_MS);
    const isLonger = momentOf(this.zone, hour + HOUR_MS) - momentOf(this.zone, hour) > HOUR_MS;
    const isRepeated = this.repeatedMs === 0 && isLonger;
    this.repeatedMs = isRepeated ? HOUR_MS : 0;
    return this.jump(isRepeated ? hour : next);
  }

  private skipTo(wall: WallClock): undefined {
    this.repeatedMs = 0;
    return this.jump(wall);
  }

  private jump(wall: WallClock): undefined {
    this.wall = wall;
    return undefined;
  }
}

export function wallClockOf(zone: IANAZone, at: number): WallClock {
  return at + zone.offset(at) * MINUTE_MS;
}

/** As Go does it: by the offset of that time in UTC, or, where that was another one at the moment so found, by that. */
function momentOf(zone: IANAZone, wall: WallClock): number {
  const first = wall - zone.offset(wall) * MINUTE_MS;
  return wall - zone.offset(first) * MINUTE_MS;
}

function hourOf(wall: WallClock): number {
  return Math.floor(wall / HOUR_MS);
}

function floor(wall: WallClock, unit: number): number {
  return Math.floor(wall / unit) * unit;
}
