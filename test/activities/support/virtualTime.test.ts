import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../src/activities';
import { rest, sleep, withWaits } from '../../../src/activities/support/pace/waits';
import { VirtualTime } from '../../support/virtualTime';

const LIMITS = {
  startToCloseTimeoutMs: 60_000,
  heartbeatTimeoutMs: 30_000,
  scheduleToCloseTimeoutMs: 90_000,
};
const beat = () => Context.current().heartbeat();

/** The clock of test/workflows/realSettings*.test.ts says what would have been too long. */
describe('virtual time', () => {
  async function tooLong(attempts: (() => Promise<unknown>)[]): Promise<string[]> {
    const time = new VirtualTime();
    for (const [index, work] of attempts.entries()) {
      const environment = new MockActivityEnvironment({
        ...LIMITS,
        attempt: index + 1,
        activityType: 'work',
      });
      const { work: watched } = time.watching(
        withWaits({ work }, time) as unknown as Activities,
      ) as unknown as {
        work: () => Promise<void>;
      };
      await environment.run(watched);
    }
    return time.tooLong();
  }
  const sleeping =
    (...naps: number[]) =>
    async () => {
      for (const ms of naps) await sleep(ms).then(beat);
    };

  it.each<[string, number, (() => Promise<unknown>)[]]>([
    ['nothing of short sleeps', 0, [sleeping(25_000, 25_000)]],
    ['an attempt that outlives its timeout', 1, [sleeping(25_000, 25_000, 25_000)]],
    ['a silence that is longer than heartbeats may be', 1, [sleeping(31_000)]],
    ['what a cancellation does not end', 1, [() => rest(31_000).then(beat)]],
    ['attempts that take too long altogether', 1, [sleeping(25_000, 25_000), sleeping(25_000, 25_000)]],
    [
      'nothing of sleeps at the same time',
      0,
      [() => Promise.all([sleep(29_000), sleep(28_000), rest(27_000)])],
    ],
  ])('names %s', async (_, count, attempts) => {
    expect(await tooLong(attempts)).toHaveLength(count);
  });

  it('is over as fast as it promises', async () => {
    const began = Date.now();
    expect(await tooLong([sleeping(...Array.from({ length: 100 }, () => 15_000))])).toHaveLength(1);
    expect(Date.now() - began).toBeLessThan(100 * 15_000);
  });
});
