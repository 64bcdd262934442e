import { budgeted } from '../../../src/aws/apiRates';
import { RateBudget, type BudgetedCall } from '../../../src/aws/rateBudget';

const START: BudgetedCall = {
  service: 'ec2',
  action: 'StartInstances',
  accountId: '111111111111',
  region: 'us-east-1',
  input: { InstanceIds: ['i-1'] },
};

const PATIENT = { maxWaitMs: 60_000 };

describe('RateBudget', () => {
  let now = 0;
  let waits: number[] = [];
  const aBudget = (share: number) =>
    new RateBudget({
      share,
      now: () => now,
      wait: (ms, signal) => {
        waits.push(ms);
        return signal?.aborted ? Promise.reject(new Error('aborted')) : Promise.resolve();
      },
    });

  beforeEach(() => {
    now = 1_000_000;
    waits = [];
  });

  it('takes its share of the rate', async () => {
    const budget = aBudget(0.4);
    for (let call = 0; call < 4; call++) await budget.admit(START, PATIENT);
    expect(waits).toEqual([1250, 2500]);
  });

  it.each([
    ['accounts', { accountId: '222222222222' }],
    ['regions', { region: 'eu-west-1' }],
    ['APIs', { action: 'StopInstances' }],
  ])('keeps %s apart', async (_, other) => {
    const budget = aBudget(0.2);
    await budget.admit(START, PATIENT);
    await budget.admit({ ...START, ...other }, PATIENT);
    expect(waits).toEqual([]);
    await budget.admit(START, PATIENT);
    expect(waits).toEqual([2500]);
  });

  it('refuses a wait that is too long, without spending a token, and says when to come back', async () => {
    const budget = aBudget(0.2);
    await budget.admit(START, PATIENT);
    const refusal = budget.admit(START, { maxWaitMs: 1000 });
    await expect(refusal).rejects.toMatchObject({
      type: 'Throttled',
      nonRetryable: false,
      nextRetryDelay: 2500,
    });
    await expect(refusal).rejects.toThrow('ec2:StartInstances in 111111111111/us-east-1');
    await budget.admit(START, PATIENT);
    expect(waits).toEqual([2500]);
  });

  it('gives the token of an abandoned wait to the next', async () => {
    const budget = aBudget(0.2);
    await budget.admit(START, PATIENT);
    await expect(budget.admit(START, { ...PATIENT, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    await budget.admit(START, PATIENT);
    expect(waits).toEqual([2500, 2500]);
  });

  it('slows down when AWS throttles', async () => {
    const budget = aBudget(1);
    await budget.admit(START, PATIENT);
    budget.noteThrottle(START);
    await budget.admit(START, PATIENT);
    expect(waits).toEqual([1000]);
  });

  it('leaves services alone that it has no rate for', async () => {
    const budget = aBudget(0.01);
    for (let call = 0; call < 50; call++) await budget.admit({ ...START, service: 'sts' }, PATIENT);
    expect(waits).toEqual([]);
  });
});

describe('budgeted', () => {
  it.each([
    ['DescribeSnapshots', { SnapshotIds: ['snap-1'] }, 100, 20],
    ['DescribeSnapshots', { Filters: [] }, 100, 20],
    ['DescribeSnapshots', { MaxResults: 100 }, 100, 20],
    ['DescribeSnapshots', {}, 50, 10],
    ['DescribeSnapshots', { SnapshotIds: undefined }, 50, 10],
    ['GetEbsEncryptionByDefault', {}, 100, 20],
    ['CreateSnapshot', {}, 100, 5],
    ['CreateSnapshots', {}, 100, 5],
    ['CreateVolume', {}, 100, 5],
    ['DeleteSnapshot', {}, 100, 5],
    ['ModifyImageAttribute', {}, 100, 5],
    ['ModifySnapshotAttribute', {}, 100, 5],
    ['DeregisterImage', {}, 100, 5],
    ['CopyImage', {}, 100, 1],
    ['CopySnapshot', {}, 50, 5],
    ['AttachVolume', {}, 50, 5],
    ['DetachVolume', {}, 50, 5],
    ['StopInstances', {}, 50, 5],
    ['CreateTags', {}, 100, 10],
    ['StartInstances', {}, 5, 2],
  ])('ec2:%s %j gets %d calls at once and %d a second', (action, input, size, refillPerSecond) => {
    expect(budgeted('ec2', action, input)?.rate).toEqual({ size, refillPerSecond });
  });

  it.each([
    ['DescribeKey', 100],
    ['CreateGrant', 50],
    ['CreateKey', 5],
  ])('kms:%s gets %d a second', (action, refillPerSecond) => {
    expect(budgeted('kms', action, {})?.rate.refillPerSecond).toBe(refillPerSecond);
  });

  it('one bucket holds all reads of load balancers, another their registrations', () => {
    const of = (action: string) => budgeted('elasticloadbalancing', action, {});
    expect(of('DescribeTargetHealth')).toEqual(of('DescribeTargetGroups'));
    expect(of('DescribeTargetHealth')?.rate).toEqual({ size: 40, refillPerSecond: 10 });
    expect(of('RegisterTargets')).toEqual(of('DeregisterTargets'));
    expect(of('RegisterTargets')?.bucket).not.toBe(of('DescribeTargetHealth')?.bucket);
  });
});
