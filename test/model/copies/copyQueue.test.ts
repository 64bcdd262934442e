import { COPIES_AT_ONCE } from '../../../src/model/copies/copy';
import { nextItems, type CopyItem, type QueuedJob } from '../../../src/model/copies/copyQueue';

const HOUR = 3_600_000;

function job(jobId: string, rpoMs = HOUR): QueuedJob {
  const target = { accountId: '111111111111', region: 'us-east-1' };
  const terms = { toRegion: 'eu-west-1', retention: { keep: '30d' } };
  return {
    jobId,
    job: { policyName: jobId, slotMs: 0, target, terms, timezone: 'UTC', rpoMs },
    copied: 0,
    failed: [],
    failedTotal: 0,
    givenUp: [],
  };
}
const items = (prefix: string, count: number): CopyItem[] =>
  Array.from({ length: count }, (_, index) => ({ snapshotId: `${prefix}-${index}`, errors: 0 }));
const started = (next: ReturnType<typeof nextItems>) =>
  Object.fromEntries(next.map(({ jobId, items: taken }) => [jobId, taken.map((each) => each.snapshotId)]));

describe('what a copy queue starts next', () => {
  it('is as much as there is room for', () => {
    const waiting = new Map([['a', items('a', 50)]]);
    expect(started(nextItems([job('a')], waiting, 0)).a).toHaveLength(COPIES_AT_ONCE);
    expect(started(nextItems([job('a')], waiting, 18)).a).toEqual(['a-0', 'a-1']);
    expect(nextItems([job('a')], waiting, COPIES_AT_ONCE)).toEqual([]);
  });

  it('is one of each job in turn, so that a big one holds up nobody', () => {
    const waiting = new Map([
      ['big', items('big', 500)],
      ['small', items('small', 2)],
    ]);
    const next = started(nextItems([job('big'), job('small')], waiting, 14));
    expect(next).toEqual({ big: ['big-0', 'big-1', 'big-2', 'big-3'], small: ['small-0', 'small-1'] });
  });

  it('is what is due sooner before all else', () => {
    const waiting = new Map([
      ['slow', items('slow', 30)],
      ['fast', items('fast', 3)],
    ]);
    const next = started(nextItems([job('slow', 24 * HOUR), job('fast', HOUR)], waiting, 15));
    expect(next).toEqual({ fast: ['fast-0', 'fast-1', 'fast-2'], slow: ['slow-0', 'slow-1'] });
  });

  it('is what is due before what is made up for, whatever its RPO', () => {
    const waiting = new Map([
      ['late', items('late', 30)],
      ['due', items('due', 3)],
    ]);
    const late = job('late', HOUR);
    late.job.isMadeUp = true;
    const next = started(nextItems([late, job('due', 24 * HOUR)], waiting, 15));
    expect(next).toEqual({ due: ['due-0', 'due-1', 'due-2'], late: ['late-0', 'late-1'] });
  });

  it('is nothing where nothing waits', () => {
    expect(nextItems([job('a')], new Map(), 0)).toEqual([]);
    expect(nextItems([], new Map(), 0)).toEqual([]);
  });
});
