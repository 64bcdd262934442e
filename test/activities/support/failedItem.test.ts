import { ApplicationFailure } from '@temporalio/common';
import { passes } from '../../../src/activities/support/failedItem';
import { RateBudget } from '../../../src/aws/rateBudget';

const named = (name: string) => Object.assign(new Error(`${name} happened`), { name });

describe('a failure within a batch', () => {
  it.each<[string, boolean, unknown]>([
    ['a throttle of AWS', true, named('RequestLimitExceeded')],
    ['a fault of AWS', true, named('InternalError')],
    ['a name that nobody knows', false, named('SomethingNew')],
    ['a refusal', false, named('UnauthorizedOperation')],
    ['a conflict', false, named('InvalidSnapshot.InUse')],
    ['a failure of the thing itself', false, ApplicationFailure.nonRetryable('gone', 'NotFound')],
    ['what is no error', false, 'RequestLimitExceeded'],
  ])('of %s passes with the whole: %s', (_what, expected, error) => {
    expect(passes(error)).toBe(expected);
  });

  it('of Holdfast’s own budget passes', async () => {
    const budget = new RateBudget({ share: 0.001, now: () => 0, wait: () => Promise.resolve() });
    const call = { service: 'ec2', action: 'DeleteSnapshot', accountId: '1', region: 'us-east-1', input: {} };
    const refused: unknown = await (async () => {
      for (let calls = 0; calls < 1000; calls += 1) await budget.admit(call, { maxWaitMs: 0 });
    })().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApplicationFailure);
    expect(passes(refused)).toBe(true);
  });
});
