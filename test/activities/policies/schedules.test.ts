import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { policySchedules } from '../../../src/activities/policies/schedules';

describe('the Schedules of policies', () => {
  const temporal = (failure: Error) =>
    ({
      schedule: {
        async *list() {
          yield* await Promise.resolve([{ scheduleId: 'policy/there' }, { scheduleId: 'policy/ghost' }]);
        },
        getHandle: (scheduleId: string) => ({
          describe: () =>
            scheduleId === 'policy/ghost' ? Promise.reject(failure) : Promise.resolve({ scheduleId }),
        }),
      },
    }) as unknown as Client;
  const found = (failure: Error) =>
    new MockActivityEnvironment().run(() => policySchedules(temporal(failure)));

  it('are those that can be described: lists may go on showing what is deleted', async () => {
    const all = await found(new ScheduleNotFoundError('gone', 'policy/ghost'));
    expect(all).toMatchObject([{ name: 'there' }]);
  });

  it('are unknown where one cannot be asked for', async () => {
    await expect(found(new Error('unavailable'))).rejects.toThrow('unavailable');
  });
});
