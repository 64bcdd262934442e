import { expiryOf, periodStart } from '../../../src/calendar/calendar';
import { Biller, sumOf, totalOf, type CostTerms, type CostVolume } from '../../../src/model/cost/bill';
import { PRICES } from '../../../src/model/cost/prices';
import { changedBy } from '../../../src/model/cost/writes';

const DAY = 86_400_000;
const MONTHS = 12;
const biller = () => new Biller({ expiryOf, periodStart });

const terms = (more: Partial<CostTerms> = {}): CostTerms => ({
  everyMs: DAY,
  retention: { keep: '1d' },
  minKeep: 1,
  timezone: 'UTC',
  copies: [],
  measuresChanges: false,
  ...more,
});
const volume = (more: Partial<CostVolume> = {}): CostVolume => ({
  count: 1,
  writtenGib: 100,
  profile: { hotShare: 0.2, dailyChange: 0.05 },
  ...more,
});
const copy = { retention: { keep: '1d' }, minKeep: 1, otherRegion: true };

describe('writes', () => {
  it.each([0.01, 0.05, 0.2, 0.9])('change %p of the blocks in a day', (dailyChange) => {
    for (const hotShare of [0.05, 0.5])
      expect(changedBy({ hotShare, dailyChange })(1)).toBeCloseTo(dailyChange, 6);
  });

  it('change more in more days, less than in proportion, and never more than there is', () => {
    const changed = changedBy({ hotShare: 0.2, dailyChange: 0.1 });
    expect(changed(2)).toBeGreaterThan(0.1);
    expect(changed(2)).toBeLessThan(0.2);
    expect(changed(10_000)).toBeLessThanOrEqual(1);
    expect(changed(0)).toBe(0);
  });

  it('come back to the same blocks where few are hot', () => {
    const few = changedBy({ hotShare: 0.05, dailyChange: 0.04 });
    const many = changedBy({ hotShare: 0.5, dailyChange: 0.04 });
    expect(few(30)).toBeLessThan(many(30));
  });
});

describe('a bill', () => {
  it('of one snapshot at a time is what its blocks cost for a year', () => {
    const { standard, archive, copies, transfer } = biller().firstYear(terms(), volume());
    expect(standard).toBeCloseTo(100 * MONTHS * PRICES.standardGibMonth, 6);
    expect([archive, copies, transfer]).toEqual([0, 0, 0]);
  });

  it('has only the changed blocks of the second one', () => {
    const two = terms({ retention: { keep: '2d' } });
    const { standard } = biller().monthAfterwards(two, volume());
    expect(standard).toBeCloseTo(105 * PRICES.standardGibMonth, 6);
  });

  it('has what copies store, and what goes to another region', () => {
    const bill = biller().firstYear(terms({ copies: [copy] }), volume());
    expect(bill.copies).toBeCloseTo(bill.standard, 6);
    expect(bill.transfer).toBeCloseTo((100 + 364 * 5) * PRICES.transferGib, 6);
    const near = biller().firstYear(terms({ copies: [{ ...copy, otherRegion: false }] }), volume());
    expect(near).toMatchObject({ copies: bill.copies, transfer: 0 });
  });

  it('has a quarter of the price for what is archived, as full snapshots', () => {
    const archive = { after: '30d', every: 'month', dailyChange: 0.05, atMost: 2 } as const;
    const monthly = terms({ everyMs: 30 * DAY, retention: { keep: 'forever' }, archive });
    const bill = biller().monthAfterwards(monthly, volume());
    expect(bill.archive).toBeCloseTo(200 * PRICES.archiveGibMonth, 6);
  });

  it('has a manifest a point, KMS for it and its copies, and the question after changed blocks', () => {
    const plain = biller().firstYear(terms(), volume()).requests;
    const asked = biller().firstYear(terms({ measuresChanges: true }), volume()).requests;
    expect(plain).toBeCloseTo(365 * (PRICES.s3Put + 2 * PRICES.kmsRequest), 9);
    expect(asked - plain).toBeCloseTo(365 * PRICES.ebsDirectRequest, 9);
    const copied = biller().firstYear(terms({ copies: [copy] }), volume({ count: 3 })).requests;
    expect(copied).toBeCloseTo(3 * 365 * (PRICES.s3Put + 4 * PRICES.kmsRequest), 9);
  });

  it('adds up', () => {
    const bill = { standard: 1, archive: 2, copies: 4, transfer: 8, requests: 16 };
    expect(totalOf(sumOf([bill, bill]))).toBe(62);
    expect(totalOf(sumOf([]))).toBe(0);
  });
});
