import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time';
import { slotsFrom, timetableOfCron } from '../../src/calendar/timetable';
import { FAILURE } from '../../src/model/failures';
import { scheduleIds } from '../../src/model/ids';
import type { CreateBackupPolicyResult } from '../../src/model/policy';
import { expectFailure } from '../support/failure';
import { aWorld, type World } from '../support/world';

const DAY = 86_400_000;

describe('policies by the wall clock', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const create = (more: object) =>
    world.run<CreateBackupPolicyResult>('createBackupPolicy', {
      policyName: 'clock',
      retention: '60d',
      ...more,
    });

  /** What Temporal itself reckons of the Schedule. */
  async function temporalSlots(from: number, days: number): Promise<number[]> {
    const { startTime } = await world.client.workflowService.listScheduleMatchingTimes({
      namespace: world.client.options.namespace,
      scheduleId: scheduleIds.policy('clock'),
      startTime: msToTs(from),
      endTime: msToTs(from + days * DAY),
    });
    return (startTime ?? []).map((at) => optionalTsToMs(at) ?? 0);
  }

  it.each([
    ['30 2 * * *', 'America/New_York'],
    ['30 1 * * *', 'America/New_York'],
    ['15 */6 * * 1-5', 'Europe/Berlin'],
    ['0 0 1 * *', 'Asia/Kolkata'],
    ['30 2 * * 0', 'Australia/Lord_Howe'],
  ])(
    '%s in %s come when they were reckoned to, through a year and both changes of the clocks',
    async (cron, timezone) => {
      await create({ cron, timezone });
      const from = Date.parse('2026-02-01T00:00:00Z');
      const until = from + 365 * DAY;
      const reckoned = slotsFrom(timetableOfCron(cron), timezone, from, 367).filter((at) => at <= until);
      const real: number[] = [];
      for (let at = from; at < until; at += 73 * DAY) real.push(...(await temporalSlots(at, 73)));
      expect([...new Set(real)].filter((at) => at >= from)).toEqual(reckoned);
    },
  );

  it('a calendar and jitter are in the Schedule', async () => {
    const calendar = { hours: [3], minutes: [30], daysOfWeek: ['MONDAY'] };
    const { nextRuns } = await create({
      calendar,
      timezone: 'Europe/Berlin',
      jitter: '10m',
      retention: '90d',
    });
    const { spec } = await world.client.schedule.getHandle(scheduleIds.policy('clock')).describe();
    expect(spec.jitter).toBe(600_000);
    expect(spec.timezone).toBe('Europe/Berlin');
    expect(new Date(nextRuns[0] ?? '').getUTCDay()).toBe(1);
  });

  it.each([
    [{ cron: '0 0 30 2 *' }, /^createBackupPolicy: |cron: /],
    [
      { cron: '0 */2 * * *', timezone: 'America/New_York', rpo: '3h' },
      /rpo: cannot be met: 3 h between runs/,
    ],
    [{}, /say when: exactly one of frequency, cron and calendar/],
    [{ cron: '0 0 * * *', frequency: '1d' }, /exactly one of/],
    [{ cron: 'daily' }, /cron: not five fields/],
    [{ frequency: '1h', jitter: '50m' }, /jitter: at most half/],
  ])('%j is refused without an AWS call', async (more, message) => {
    expect(await expectFailure(create(more), FAILURE.invalidInput)).toMatch(message);
    expect(world.proxy.calls).toEqual([]);
  });
});
