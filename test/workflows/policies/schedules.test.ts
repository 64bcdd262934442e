import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time';
import { policyOf } from '../../../src/temporal/schedules';
import { slotsFrom, timetableOfCron } from '../../../src/calendar/timetable';
import { FAILURE } from '../../../src/model/failures';
import { scheduleIds } from '../../../src/model/ids';
import type { CreateBackupPolicyResult } from '../../../src/model/policies/policy';
import { expectFailure } from '../../support/failure';
import { aWorld, type World } from '../../support/world';

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

  const policySchedule = () => world.client.schedule.getHandle(scheduleIds.policy('clock'));

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
    [{ cron: '0 4 * * 1#1' }, /cron: 1#1 is no value, range or step/],
    [{ cron: '0 * * * *', timezone: 'Europe/Berlin', rpo: '90m' }, /rpo: cannot be met: 2 h .*between runs/],
  ])('%j is refused without an AWS call', async (more, message) => {
    expect(await expectFailure(create(more), FAILURE.invalidInput)).toMatch(message);
    expect(world.proxy.calls).toEqual([]);
  });

  it('a zone is written as the server takes it, whoever writes it otherwise', async () => {
    await create({ cron: '0 3 * * *', timezone: 'europe/berlin' });
    const { spec } = await policySchedule().describe();
    expect(spec.timezone).toBe('Europe/Berlin');
    expect(await create({ cron: '0 3 * * *', timezone: 'Europe/Berlin' })).toMatchObject({
      status: 'UNCHANGED',
    });
  });

  it('nothing stays of the Schedule that asks the server', async () => {
    await create({ cron: '0 5 * * *', timezone: 'Europe/Berlin' });
    const ids: string[] = [];
    for await (const { scheduleId } of world.client.schedule.list()) ids.push(scheduleId);
    expect(ids.filter((id) => id.startsWith('probe/'))).toEqual([]);
  });

  it.each([
    ['less often', (times: Slot[]) => times.slice(1), /would not run it then/],
    ['more often', (times: Slot[]) => [...times, shifted(times[0])], /would run it then, which was not/],
  ])('is refused before anything is changed where the server would run it %s', async (_, as, message) => {
    await create({ cron: '0 6 * * *', timezone: 'Europe/Berlin' });
    const real = world.client.workflowService.listScheduleMatchingTimes.bind(world.client.workflowService);
    const answer = async (...asked: Parameters<typeof real>) => {
      const { startTime = [] } = await real(...asked);
      return { startTime: as(startTime ?? []) };
    };
    jest
      .spyOn(world.client.workflowService, 'listScheduleMatchingTimes')
      .mockImplementation(answer as unknown as typeof real);
    const other = create({ cron: '0 7 * * *', timezone: 'Europe/Berlin' });
    expect(await expectFailure(other, FAILURE.invalidInput)).toMatch(message);
    jest.restoreAllMocks();
    expect(policyOf(await policySchedule().describe())?.cron).toBe('0 6 * * *');
  });

  it('what the server refuses ends at once, in its words', async () => {
    const refused = Object.assign(new Error('3 INVALID_ARGUMENT'), {
      code: 3,
      details: 'invalid timezone',
      metadata: { get: () => [] },
    });
    jest.spyOn(world.client.workflowService, 'createSchedule').mockRejectedValue(refused);
    expect(await expectFailure(create({ frequency: '1d' }), FAILURE.invalidInput)).toContain(
      'invalid timezone',
    );
    jest.restoreAllMocks();
  });
});

describe('a pause', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld();
  });
  afterAll(() => world.close());

  const apply = (policyName: string, more: object = {}) =>
    world.run<CreateBackupPolicyResult>('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '30d' },
      ...more,
    });
  const state = async (policyName: string) =>
    (await world.client.schedule.getHandle(scheduleIds.policy(policyName)).describe()).state;
  const pause = (policyName: string) =>
    world.client.schedule.getHandle(scheduleIds.policy(policyName)).pause('legal asks');

  it('outlives a change of the policy that says nothing of it, with its note', async () => {
    await apply('kept');
    await pause('kept');
    expect(await apply('kept', { retention: '60d' })).toMatchObject({ status: 'UPDATED', nextRuns: [] });
    expect(await state('kept')).toMatchObject({ paused: true, note: 'legal asks' });
  });

  it.each([
    ['with another change', { retention: '60d' }],
    ['alone', {}],
  ])('ends when the policy says so, %s', async (how, more) => {
    await apply(how.replace(/ /g, '-'));
    await pause(how.replace(/ /g, '-'));
    expect(await apply(how.replace(/ /g, '-'), { ...more, paused: false })).toMatchObject({
      status: 'UPDATED',
    });
    expect(await state(how.replace(/ /g, '-'))).toMatchObject({ paused: false });
  });

  it('begins when the policy says so, and goes on when it says nothing', async () => {
    await apply('begins', { paused: true });
    expect(await state('begins')).toMatchObject({ paused: true });
    expect(await apply('begins')).toMatchObject({ status: 'UNCHANGED' });
    expect(await state('begins')).toMatchObject({ paused: true });
  });
});

interface Slot {
  seconds?: unknown;
  nanos?: number | null;
}

function shifted(slot: Slot | undefined): Slot {
  return { ...slot, seconds: Number(slot?.seconds) + 60 };
}
