import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { specOf } from '../../../src/activities/policies/schedules';
import { clockChanges, slotsFrom, timetableOfCron } from '../../../src/calendar/timetable';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';
import { devServer } from '../../support/temporal';

const DAY = 86_400_000;
const NOW = Date.parse('2026-07-01T00:00:00Z');

/** North and south, east and west of Greenwich, changes of an hour and of half of one, at midnight, and none. */
const ZONES = [
  ...['America/New_York', 'America/Los_Angeles', 'America/St_Johns', 'America/Havana', 'America/Santiago'],
  ...['America/Asuncion', 'America/Godthab', 'Atlantic/Azores', 'Europe/London', 'Europe/Dublin'],
  ...['Europe/Berlin', 'Europe/Athens', 'Europe/Chisinau', 'Africa/Casablanca', 'Africa/Cairo'],
  ...['Asia/Beirut', 'Asia/Jerusalem', 'Asia/Kolkata', 'Australia/Adelaide', 'Australia/Lord_Howe'],
  ...['Australia/Sydney', 'Pacific/Auckland', 'Pacific/Chatham', 'Pacific/Easter', 'Antarctica/Troll'],
];
const CRONS = ['0 * * * *', '*/15 * * * *', '30 1 * * *', '30 2 * * 0', '0 */2 * * *', '15 0,23 * * *'];

/** What gaps and RPOs are reckoned with is what Temporal's server really does: nobody else's word counts. */
describe('slots by the wall clock', () => {
  let temporal: TestWorkflowEnvironment;

  beforeAll(async () => {
    temporal = await devServer();
  });
  afterAll(() => temporal.teardown());

  it.each(ZONES)('are those of the server in %s', async (timezone) => {
    const changes = clockChanges(timezone, NOW, NOW + 366 * DAY);
    for (const cron of CRONS) {
      const timetable = timetableOfCron(cron);
      const scheduleId = `${timezone} ${cron}`;
      await temporal.client.schedule.create({
        scheduleId,
        spec: specOf({ timetable, timezone, frequencyMs: DAY } as NormalizedPolicy),
        action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none', args: [] },
        state: { paused: true },
      });
      for (const at of [NOW, ...changes]) {
        const [from, to] = [at - DAY, at + 2 * DAY];
        const ours = slotsFrom(timetable, timezone, from + 1, 5).filter((slot) => slot <= to);
        expect([cron, ours.map(iso)]).toEqual([cron, (await matching(scheduleId, from, to)).map(iso)]);
      }
    }
  });

  it('differ around the clocks of most of these zones', () => {
    const changing = ZONES.filter((zone) => clockChanges(zone, NOW, NOW + 366 * DAY).length > 0);
    expect(changing.length).toBeGreaterThan(20);
  });

  async function matching(scheduleId: string, from: number, to: number): Promise<number[]> {
    const { startTime } = await temporal.client.workflowService.listScheduleMatchingTimes({
      namespace: temporal.client.options.namespace,
      scheduleId,
      startTime: timestamp(from),
      endTime: timestamp(to),
    });
    const times = (startTime ?? []).map(({ seconds }) => Number(seconds) * 1000);
    return times.filter((at) => at > from && at <= to);
  }
});

const iso = (at: number) => new Date(at).toISOString();
const timestamp = (at: number) => ({ seconds: (at / 1000) as never, nanos: 0 });
