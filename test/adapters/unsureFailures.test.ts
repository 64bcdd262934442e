import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { noteCallSite, withFailures } from '../../src/aws/failures';

const SITE = {
  service: 'ec2',
  action: 'AttachVolume',
  accountId: '111111111111',
  region: 'us-east-1',
  as: 'arn:aws:iam::111111111111:role/migrate',
  resources: 'vol-1',
};

/** An error as a client throws it. */
function refusal(name: string, httpStatusCode?: number, site = SITE): Error {
  const $metadata = httpStatusCode === undefined ? {} : { httpStatusCode };
  const error = Object.assign(new Error(`${name} happened`), { name, $metadata });
  noteCallSite(error, site);
  return error;
}

/** What each attempt of an activity throws that fails so; the last one is the failure that counts. */
async function attempts(
  errors: readonly (Error | undefined)[],
  { from = 1, activityId = '1' } = {},
): Promise<ApplicationFailure[]> {
  const thrown: ApplicationFailure[] = [];
  for (const [index, error] of errors.entries()) {
    const environment = new MockActivityEnvironment(
      { attempt: from + index, activityId, scheduledTimestampMs: Date.UTC(2027, 0, 1) },
      { logger: new DefaultLogger('ERROR') },
    );
    const run = environment.run(() => activities.act(error as never));
    thrown.push(await run.then(() => ApplicationFailure.create({ message: 'done' }), same));
  }
  return thrown;
}

const same = (failure: ApplicationFailure) => failure;
const activities = withFailures({
  act: (error: never) => (error ? Promise.reject(error as Error) : Promise.resolve()),
});
const times = (count: number, name: string, status?: number) =>
  Array.from({ length: count }, () => refusal(name, status));

describe('an error that nobody can judge', () => {
  it('is tried again, says so, and is final after twelve attempts, with since when and what to do', async () => {
    const thrown = await attempts(times(12, 'NobodyKnowsThis', 400), { activityId: 'a' });
    expect(thrown.map(({ nonRetryable }) => nonRetryable)).toEqual([...Array<boolean>(11).fill(false), true]);
    expect(thrown[0]?.message).toContain('given up after 12 attempts; this was attempt 1');
    expect(thrown[11]).toMatchObject({ type: 'ServiceError' });
    expect(thrown[11]?.message).toContain('ec2:AttachVolume in 111111111111/us-east-1: NobodyKnowsThis');
    expect(thrown[11]?.message).toContain('tried 12 times since 2027-01-01T00:00:00.000Z and is given up');
  });

  it.each(['SomethingNewLimitExceeded', 'TooManyTargetsException', 'ReservationCapacityExceeded'])(
    'is bounded too where it is a limit, as %s',
    async (name) => {
      const last = (await attempts(times(12, name, 400), { activityId: name })).at(-1);
      expect(last).toMatchObject({ type: 'QuotaExceeded', nonRetryable: true });
    },
  );

  it('is tried some times although other failures have used up the attempts', async () => {
    const thrown = await attempts(times(3, 'NobodyKnowsThis', 400), { from: 90, activityId: 'b' });
    expect(thrown.map(({ nonRetryable }) => nonRetryable)).toEqual([false, false, true]);
  });

  it('begins anew after another failure, and after a success', async () => {
    const unknown = () => refusal('NobodyKnowsThis', 400);
    const errors = [
      unknown(),
      unknown(),
      refusal('InternalError', 500),
      unknown(),
      unknown(),
      undefined,
      unknown(),
    ];
    const thrown = await attempts(errors, { from: 90, activityId: 'c' });
    expect(thrown.filter(({ nonRetryable }) => nonRetryable)).toEqual([]);
  });
});

describe('what is tried again without end', () => {
  it.each([
    ['a fault of AWS', 'InternalError', 500],
    ['a fault of AWS under a new name', 'NobodyKnowsThis', 503],
    ['a connection that broke', 'Error', undefined],
    ['a throttle', 'RequestLimitExceeded', 503],
    ['copies under way', 'ConcurrentCopyLimitExceeded', 400],
    ['no capacity', 'InsufficientInstanceCapacity', 500],
    ['a capacity under a new name', 'InsufficientNewCapacity', 500],
    ['a conflict', 'IncorrectState', 400],
  ])('is %s', async (what, name, status) => {
    const thrown = await attempts(times(30, name, status), { activityId: what });
    expect(thrown.filter(({ nonRetryable }) => nonRetryable)).toEqual([]);
  });

  it('is told after three attempts, and again at twice as many', async () => {
    const told: LogEntry[] = [];
    const logger = new DefaultLogger('WARN', (entry) => void told.push(entry));
    for (let attempt = 1; attempt <= 12; attempt++) {
      const act = () => activities.act(refusal('InsufficientInstanceCapacity', 500) as never);
      await new MockActivityEnvironment({ attempt }, { logger }).run(act).catch(() => undefined);
    }
    const waits = told.filter(({ message }) => message === 'still tried again');
    expect(waits.map(({ meta }) => meta)).toMatchObject([{ attempt: 3 }, { attempt: 6 }, { attempt: 12 }]);
    expect(waits[0]?.meta?.reason).toContain('that passes, for AWS finds room for it sooner or later');
  });
});

describe('a limit that does not pass', () => {
  it.each([
    ['TagLimitExceeded', 'the 50 tags of a resource', 'remove tags that nobody needs'],
    ['VolumeLimitExceeded', 'Storage for', 'raise the quota in Service Quotas'],
    ['KeyPairLimitExceeded', 'the quota of key pairs', 'raise the quota'],
    ['AttachmentLimitExceeded', 'the volumes and network interfaces', 'detach one'],
  ])('%s is final at once, names what is full and says what to do', async (name, what, so) => {
    const [failure] = await attempts([refusal(name, 400)], { activityId: name });
    expect(failure).toMatchObject({ type: 'QuotaExceeded', nonRetryable: true });
    expect(failure?.message).toContain(what);
    expect(failure?.message).toContain(so);
  });
});
