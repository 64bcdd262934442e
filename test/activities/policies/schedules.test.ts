import { ScheduleNotFoundError, ServiceError, type Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { policyNowOf, listPolicySchedules } from '../../../src/activities/policies/schedules';

type Found = Awaited<ReturnType<typeof listPolicySchedules>>;

describe('the Schedules of policies', () => {
  const temporal = (failure: Error) =>
    ({
      options: { namespace: 'default' },
      workflowService: {
        listSchedules: ({ nextPageToken }: { nextPageToken?: Uint8Array }) =>
          Promise.resolve(
            nextPageToken
              ? { schedules: [{ scheduleId: 'policy/ghost' }], nextPageToken: new Uint8Array() }
              : { schedules: [{ scheduleId: 'policy/there' }], nextPageToken: new Uint8Array([1]) },
          ),
      },
      schedule: {
        getHandle: (scheduleId: string) => ({
          describe: () =>
            scheduleId === 'policy/ghost' ? Promise.reject(failure) : Promise.resolve({ scheduleId }),
        }),
      },
    }) as unknown as Client;
  const found = (failure: Error) =>
    new MockActivityEnvironment().run<[], Found, () => Promise<Found>>(() =>
      listPolicySchedules(temporal(failure)),
    );

  it('are those that can be described: lists may go on showing what is deleted', async () => {
    const all = await found(new ScheduleNotFoundError('gone', 'policy/ghost'));
    expect(all).toMatchObject([{ name: 'there' }]);
  });

  it('are unknown where one cannot be asked for', async () => {
    await expect(found(new ServiceError('unavailable'))).rejects.toThrow('unavailable');
  });

  it('are all there where one cannot be decoded, which carries no policy', async () => {
    const all = await found(new Error('no key 2024'));
    expect(all.map(({ name }) => name)).toEqual(['there', 'ghost']);
    const [ghost] = all.slice(1).map(({ name, description }) => policyNowOf(name, description));
    expect(ghost).toEqual({
      ...{ policyName: 'ghost', paused: true, rpoMs: 0, unreadable: true },
    });
  });
});
