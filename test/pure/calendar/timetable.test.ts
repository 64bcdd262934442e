import {
  catchUpMs,
  clockNotes,
  meanIntervalMs,
  rhythmOf,
  ScheduleProblem,
  slotBefore,
  slotsFrom,
  timetableOfCron,
  zoneOf,
} from '../../../src/calendar/timetable';
import { createBackupPolicyInput, rhythmProblems } from '../../../src/model/policies/policy';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-01-01T00:00:00Z');

const policy = (more: object) =>
  createBackupPolicyInput.parse({ policyName: 'p', retention: '30d', timezone: 'America/New_York', ...more });
const rhythm = (more: object) => rhythmOf(policy(more), NOW);
const on = (cron: string, day: string) =>
  slotsFrom(timetableOfCron(cron), 'America/New_York', Date.parse(`${day}T05:00:00Z`), 1).map((at) =>
    new Date(at).toISOString(),
  );

describe('wall-clock schedules', () => {
  it('skip a time that the clocks skip', () => {
    expect(on('30 2 * * *', '2026-03-08')).toEqual([]);
    expect(rhythm({ cron: '30 2 * * *' })).toMatchObject({ longestMs: 47 * HOUR, shortestMs: 24 * HOUR });
  });

  it('come twice where the clocks show a time twice', () => {
    expect(on('30 1 * * *', '2026-11-01')).toEqual(['2026-11-01T05:30:00.000Z', '2026-11-01T06:30:00.000Z']);
    expect(rhythm({ cron: '30 1 * * *' })).toMatchObject({ longestMs: 24 * HOUR, shortestMs: HOUR });
  });

  it.each([
    ['0 * * * *', '90m'],
    ['*/15 * * * *', '75m'],
  ])('have a gap in Berlin’s repeated hour that an RPO has to bear: %s', (cron, rpo) => {
    const berlin = policy({ cron, rpo, timezone: 'Europe/Berlin', retention: '30d' });
    expect(rhythmProblems(berlin, rhythmOf(berlin, NOW))).toMatchObject([{ path: 'rpo' }]);
    expect(clockNotes(timetableOfCron(cron), 'Europe/Berlin', NOW)).toEqual([
      expect.stringMatching(/^2026-10-25, when the clocks of Europe.Berlin go back: up to /),
    ]);
  });

  it('say what a year’s clocks skip and double', () => {
    expect(clockNotes(timetableOfCron('30 2 * * *'), 'America/New_York', NOW)).toEqual([
      expect.stringMatching(/^2026-03-08, .* go forward: up to 1 d 23 h between two runs instead of 1 d$/),
    ]);
    expect(clockNotes(timetableOfCron('30 1 * * *'), 'America/New_York', NOW)).toEqual([
      expect.stringMatching(/^2026-11-01, .*; 1 of its times come twice$/),
    ]);
    expect(clockNotes(timetableOfCron('0 12 * * *'), 'Asia/Kolkata', NOW)).toEqual([]);
  });

  it.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['EUROPE/BERLIN', 'Europe/Berlin'],
    ['utc', 'UTC'],
    ['US/Eastern', 'US/Eastern'],
    ['us/eastern', 'America/New_York'],
  ])('are in a zone of one spelling: %s', (written, zone) => {
    expect(zoneOf(written)).toBe(zone);
  });

  it.each([
    '0 4 * * 1#1',
    '0 0 L * *',
    '0 0 15W * *',
    '0 0 ? * *',
    '0 H * * *',
    '0 0 * * MON#2',
    '@daily x x x x',
    '0 0 * * 5L',
    '*/0 * * * *',
  ])('are refused where crontab says what a Schedule does not: %s', (cron) => {
    const parsed = createBackupPolicyInput.safeParse({ policyName: 'p', retention: '30d', cron });
    expect(parsed.error?.issues).toMatchObject([{ path: ['cron'] }]);
  });

  it.each([
    ['*/90 * * * *', /no 90 minutes to step over/],
    ['0 */36 * * *', /no 36 hours to step over/],
    ['0 0 */45 * *', /no 45 days of the month to step over/],
    ['0 0 1 */12 *', /no 12 months to step over/],
    ['0 0 * * */7', /no 7 days of the week to step over/],
    ['0,*/60 * * * *', /no 60 minutes/],
  ])('are refused where a step is longer than its field: %s', (cron, message) => {
    const parsed = createBackupPolicyInput.safeParse({ policyName: 'p', retention: '90d', cron });
    expect(parsed.error?.issues).toMatchObject([
      { path: ['cron'], message: expect.stringMatching(message) as unknown },
    ]);
  });

  it.each([
    '70 * * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '0 0 * 13 *',
    '5-1 * * * *',
    '0 20-4 * * *',
    '0 0 * * 8',
  ])('are refused where a value is not of its field: %s', (cron) => {
    expect(() => rhythm({ cron })).toThrow(/cannot be read/);
  });

  it.each(['0 4 * * MON', '0 4 * jan-mar 1-5', '15,45 */2 * * *', '5/20 0-12/3 * * *', '0 0 * * 7'])(
    'take what a Schedule says exactly: %s',
    (cron) => {
      expect(policy({ cron })).toMatchObject({ cron });
    },
  );

  it('leave a longer gap than they seem to', () => {
    expect(rhythm({ cron: '0 */2 * * *' }).longestMs).toBe(3 * HOUR);
    const late = policy({ cron: '0 */2 * * *', rpo: '3h' });
    expect(rhythmProblems(late, rhythmOf(late, NOW))).toMatchObject([
      { path: 'rpo', message: expect.stringMatching(/3 h between runs .* make 3 h 30 min/) as unknown },
    ]);
  });

  it('of a calendar are every time that all of its fields allow', () => {
    const calendar = { hours: [2, 14], daysOfWeek: ['MONDAY', 'SUNDAY'] };
    expect(rhythm({ calendar })).toMatchObject({
      // The Sunday on which there is no two o'clock makes the longest.
      longestMs: 6 * DAY - HOUR,
      shortestMs: 12 * HOUR,
    });
  });

  it('may be as rare as 29 February', () => {
    expect(rhythm({ calendar: { hours: [0], daysOfMonth: [29], months: [2] } }).longestMs).toBe(1461 * DAY);
  });

  it.each<[string, object, RegExp]>([
    ['never come', { calendar: { hours: [0], daysOfMonth: [30], months: [2] } }, /^never comes/],
    ['never come, as cron', { cron: '0 0 30 2 *' }, /never comes|cannot be read/],
    ['name both kinds of days', { cron: '0 0 1 * 1' }, /days of the month and days of the week/],
    ['are in no timezone', { cron: '0 0 * * *', timezone: 'Mars/Phobos' }, /not an IANA timezone/],
  ])('are refused when they %s', (_, more, message) => {
    expect(() => rhythm(more)).toThrow(ScheduleProblem);
    expect(() => rhythm(more)).toThrow(message);
  });

  it.each<[string, object, string]>([
    ['too often', { cron: '*/5 * * * *' }, 'cron'],
    ['with jitter beyond the next slot', { cron: '0 * * * *', jitter: '45m' }, 'jitter'],
    ['with an rpo that jitter breaks', { cron: '0 * * * *', jitter: '30m', rpo: '90m' }, 'rpo'],
    ['with a retention under the longest gap', { cron: '0 0 * * 0', retention: '6d' }, 'retention'],
  ])('are refused %s', (_, more, path) => {
    const wrong = policy(more);
    expect(rhythmProblems(wrong, rhythmOf(wrong, NOW)).map((problem) => problem.path)).toContain(path);
  });
});

describe('a rhythm', () => {
  const kept = (more: object) => {
    const { longestMs: frequencyMs, timetable } = rhythm(more);
    return { frequencyMs, timezone: 'America/New_York', ...(timetable && { timetable }) };
  };
  const workdays = { calendar: { hours: [9], daysOfWeek: ['MONDAY', 'TUESDAY', 'WEDNESDAY'] } };

  it('is more often on average than its longest gap', () => {
    expect(meanIntervalMs(kept({ frequency: '4h' }), NOW)).toBe(4 * HOUR);
    expect(meanIntervalMs(kept(workdays), NOW) / DAY).toBeCloseTo(7 / 3, 1);
  });

  it.each<[string, object, number]>([
    ['an interval: the one before the next', { frequency: '4h' }, 4 * HOUR],
    ['a day: whole, also where an hour comes twice', { cron: '30 1 * * *' }, 24 * HOUR],
    ['the hours of workdays: not the whole weekend of them', { cron: '0 9-17 * * 1-5' }, 4 * HOUR],
    ['quarters of one hour: all of them, until the next night', { cron: '*/15 2 * * *' }, 24 * HOUR],
    ['every quarter of an hour on one day a month', { cron: '*/15 * 1 * *' }, HOUR],
  ])('is caught up after an outage, of %s', (_, more, most) => {
    const late = catchUpMs(kept(more), NOW);
    expect(late).toBeLessThanOrEqual(most);
    expect(late).toBeGreaterThan(most - 2 * HOUR);
    const { timetable } = kept(more);
    if (!timetable) return;
    const slots = slotsFrom(timetable, 'America/New_York', NOW, 400);
    // Never a fifth in so much time.
    const fifths = slots.slice(4).map((fifth, index) => fifth - (slots[index] ?? 0));
    expect(Math.min(...fifths)).toBeGreaterThanOrEqual(late);
  });

  it.each([
    ['an interval, from between two slots', { frequency: '4h' }, '2026-01-01T05:00Z', '2026-01-01T04:00Z'],
    ['an interval, from a slot', { frequency: '4h' }, '2026-01-01T08:00Z', '2026-01-01T04:00Z'],
    ['a calendar, from a slot', workdays, '2026-01-06T14:00Z', '2026-01-05T14:00Z'],
    ['a calendar, across its longest gap', workdays, '2026-01-05T14:00Z', '2025-12-31T14:00Z'],
  ])('knows the slot before, of %s', (_, more, moment, before) => {
    expect(slotBefore(kept(more), Date.parse(moment))).toBe(Date.parse(before));
  });
});
