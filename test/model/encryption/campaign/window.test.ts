import { windowActivities } from '../../../../src/activities/encryption/campaign/windows';
import { longestOpeningMs, nextOpening, openingsFrom } from '../../../../src/calendar/window';
import { encryptVolumesInput } from '../../../../src/model/encryption/campaign/campaign';
import { parseInput } from '../../../../src/model/input';
import { chooseStrategy } from '../../../../src/model/moves/strategy';
import { timeNeeded, windowSchema, type MachineNeed } from '../../../../src/model/encryption/campaign/window';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const BERLIN = 'Europe/Berlin';

const aWindow = (more: object) => windowSchema.parse({ timezone: BERLIN, ...more });
const openings = (more: object, from: string, days = 1) =>
  openingsFrom(aWindow(more), Date.parse(from), days).map(({ opensAt, closesAt }) =>
    [opensAt, closesAt].map((at) => new Date(at).toISOString().replace(':00.000Z', 'Z')),
  );

describe('a maintenance window', () => {
  const weekend = { days: ['SATURDAY', 'SUNDAY'], from: '22:00', to: '04:00' };

  it('goes past midnight', () => {
    // A Friday.
    expect(openings(weekend, '2026-11-27T12:00Z', 3)).toEqual([
      ['2026-11-28T21:00Z', '2026-11-29T03:00Z'],
      ['2026-11-29T21:00Z', '2026-11-30T03:00Z'],
    ]);
  });

  it('is found while it is open, and not once it is over', () => {
    const next = (from: string, needMs = 0) =>
      new Date(nextOpening(aWindow(weekend), Date.parse(from), needMs).opensAt).toISOString();
    expect(next('2026-11-30T02:00Z')).toBe('2026-11-29T21:00:00.000Z');
    expect(next('2026-11-30T02:00Z', HOUR)).toBe('2026-11-29T21:00:00.000Z');
    expect(next('2026-11-30T02:00Z', HOUR + 1)).toBe('2026-12-05T21:00:00.000Z');
    expect(next('2026-11-30T03:00Z')).toBe('2026-12-05T21:00:00.000Z');
    expect(nextOpening(aWindow(weekend), Date.parse('2026-11-30T03:00Z'), 0).text).toBe(
      'Saturday 5 December 2026, 22:00 (Europe/Berlin)',
    );
  });

  it('is one where days touch', () => {
    const days = { days: ['SATURDAY', 'SUNDAY'], from: '00:00', to: '24:00' };
    expect(openings(days, '2026-11-27T12:00Z', 5)).toEqual([['2026-11-27T23:00Z', '2026-11-29T23:00Z']]);
    expect(longestOpeningMs(aWindow(days), Date.parse('2026-11-27T12:00Z'))).toBe(48 * HOUR);
  });

  it('opens when the clocks have skipped its time, and is an hour shorter over the change', () => {
    // On 29 March 2026 the clocks of Berlin go from 02:00 to 03:00, at 01:00 UTC.
    const on = (from: string, to: string) => openings({ days: ['SUNDAY'], from, to }, '2026-03-28T12:00Z', 2);
    expect(on('02:30', '05:00')).toEqual([['2026-03-29T01:00Z', '2026-03-29T03:00Z']]);
    expect(on('01:00', '02:30')).toEqual([['2026-03-29T00:00Z', '2026-03-29T01:00Z']]);
    expect(on('01:00', '05:00')).toEqual([['2026-03-29T00:00Z', '2026-03-29T03:00Z']]);
    expect(on('02:10', '02:40')).toEqual([]);
  });

  it('opens late and closes early where the clocks show a time twice', () => {
    // On 25 October 2026 they go from 03:00 back to 02:00, at 01:00 UTC.
    const on = (from: string, to: string) => openings({ days: ['SUNDAY'], from, to }, '2026-10-24T12:00Z', 2);
    expect(on('02:30', '05:00')).toEqual([['2026-10-25T01:30Z', '2026-10-25T04:00Z']]);
    expect(on('01:00', '02:30')).toEqual([['2026-10-24T23:00Z', '2026-10-25T00:30Z']]);
    expect(on('01:00', '05:00')).toEqual([['2026-10-24T23:00Z', '2026-10-25T04:00Z']]);
  });

  it('may be given by cron', () => {
    const first = { cron: '0 22 1 * *', duration: '6h' };
    expect(openings(first, '2026-12-01T00:00Z', 1)).toEqual([['2026-12-01T21:00Z', '2026-12-02T03:00Z']]);
    expect(openings(first, '2026-12-02T02:59Z', 1)).toEqual([['2026-12-01T21:00Z', '2026-12-02T03:00Z']]);
    expect(nextOpening(aWindow(first), Date.parse('2026-12-02T03:00Z'), 0).text).toContain('1 January 2027');
  });

  it.each<[object, string]>([
    [{}, 'window.from: say when it opens'],
    [{ from: '22:00' }, 'window.to: say when it closes'],
    [{ from: '22:00', to: '22:00' }, 'window.to: closes when it opens'],
    [{ from: '24:00', to: '04:00' }, 'window.from: not a time of day'],
    [{ from: '22', to: '04:00' }, 'window.from: not a time of day'],
    [{ from: '22:00', to: '04:00', days: [] }, 'window.days: leave it out, or name one'],
    [{ from: '22:00', to: '04:00', days: ['Caturday'] }, 'window.days[0]'],
    [{ from: '22:00', to: '04:00', timezone: undefined }, 'window.timezone: name an IANA timezone'],
    [{ cron: '0 22 * * 6' }, 'window.duration: say how long it is open'],
    [{ cron: '0 22 * *', duration: '1h' }, 'window.cron: not five fields'],
    [{ cron: '0 22 * * 6', duration: '8d' }, 'window.duration: at most 7d'],
    [{ cron: '0 22 * * 6', duration: '1h', from: '22:00' }, 'window.cron: give cron and duration, or'],
    [{ from: '22:00', to: '04:00', duration: '1h' }, 'window.duration: goes with cron'],
  ])('%j is refused, and the field is named', (more, expected) => {
    const input = { instanceIds: ['i-0123456789abcdef0'], kmsKeyId: 'alias/ebs' };
    const parsed = parseInput(encryptVolumesInput, { ...input, window: { timezone: BERLIN, ...more } });
    expect(parsed.ok ? '' : parsed.problems).toContain(expected);
  });
});

describe('what a machine needs of a window', () => {
  const disks = [{ volumeId: 'vol-1', size: 1024 }];
  const need = (asked: 'clone' | 'direct') =>
    timeNeeded({
      instanceId: 'i-1',
      disks,
      strategy: chooseStrategy(asked, { running: true, disks }),
    } as unknown as Parameters<typeof timeNeeded>[0]);

  it('is its downtime and a margin', () => {
    expect(need('clone')).toMatchObject({
      needMs: 75_000 + 10 * MINUTE,
      sum: '1 min 15 s of downtime + 10 min of margin = 11 min 15 s',
    });
  });

  it('is its seed too, and that before the stop', () => {
    const { needMs, fromStopMs, sum } = need('direct');
    expect(needMs - fromStopMs).toBeGreaterThan(2 * HOUR);
    expect(sum).toMatch(/^2 h 25 min of preparation \+ /);
  });
});

describe('a window is checked against machines', () => {
  const activities = windowActivities();
  const from = Date.parse('2026-11-27T12:00Z');
  const machine = (instanceId: string, minutes: number): MachineNeed => {
    const needMs = minutes * MINUTE;
    return { instanceId, needMs, fromStopMs: needMs, sum: `${minutes} min` };
  };
  const check = (window: object, ...machines: MachineNeed[]) =>
    activities.checkWindow({ window: aWindow(window), from, machines });

  it('names those that it is too short for', async () => {
    const { next, tooLong } = await check(
      { from: '22:00', to: '22:30' },
      machine('i-1', 20),
      machine('i-2', 40),
    );
    expect(next.text).toBe('Friday 27 November 2026, 22:00 (Europe/Berlin)');
    expect(tooLong).toEqual([
      { item: 'i-2', reasons: ['window: it is open for 30 min at most, and this machine needs 40 min'] },
    ]);
  });

  it.each<[string, object]>([
    [
      'window: it is open for 30 min at most, and i-1, the quickest machine, needs 40 min',
      { from: '22:00', to: '22:30' },
    ],
    ['window.cron: cannot be read: Invalid explicit day', { cron: '0 22 31 4,6 *', duration: '6h' }],
    [
      'window.timezone: Mars/Olympus is not an IANA timezone',
      { from: '22:00', to: '23:00', timezone: 'Mars/Olympus' },
    ],
    ['window.cron: cannot be read', { cron: '0 25 * * *', duration: '6h' }],
  ])('and refused: %s', async (message, window) => {
    const refused = async () => check(window, machine('i-2', 50), machine('i-1', 40));
    await expect(refused()).rejects.toThrow(message);
  });
});
