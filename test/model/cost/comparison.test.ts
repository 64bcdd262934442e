import { expiryOf, periodStart } from '../../../src/calendar/calendar';
import { totalOf, type CostTerms } from '../../../src/model/cost/bill';
import { compareCosts } from '../../../src/model/cost/comparison';
import { estimateCost } from '../../../src/model/policies/estimate';
import { seededFleet } from '../../../src/model/cost/fleet';
import type { NormalizedPolicy } from '../../../src/model/policies/policy';

const DAY = 86_400_000;
const calendar = { expiryOf, periodStart };
const terms = (more: Partial<CostTerms>): CostTerms => ({
  everyMs: DAY,
  retention: { keep: '30d' },
  minKeep: 1,
  timezone: 'UTC',
  copies: [],
  measuresChanges: true,
  ...more,
});
const compare = (...all: CostTerms[]) =>
  compareCosts({
    policies: all.map((each, index) => ({ policyName: `p${index}`, terms: each })),
    volumes: 50,
    seed: 7,
    rules: calendar,
  });

describe('a seeded fleet', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(seededFleet(20, 0.05, 1)).toEqual(seededFleet(20, 0.05, 1));
    expect(seededFleet(20, 0.05, 1)).not.toEqual(seededFleet(20, 0.05, 2));
  });

  it('changes as much as is asked for, on average', () => {
    const fleet = seededFleet(3000, 0.05, 1);
    const mean = fleet.reduce((sum, { profile }) => sum + profile.dailyChange, 0) / fleet.length;
    expect(mean).toBeCloseTo(0.05, 2);
  });
});

describe('the ways to keep snapshots, compared', () => {
  const short = terms({ retention: { keep: '7d' } });
  const long = terms({ retention: { keep: '90d' } });

  it('has the naive one keep everything as long as anything is kept', () => {
    const { naiveRetention, years } = compare(short, long);
    expect(naiveRetention).toEqual({ keep: '90d' });
    for (const { bills, saved } of years) {
      expect(totalOf(bills.naive)).toBeGreaterThan(totalOf(bills.holdfast));
      expect(saved.ofNaive).toBeCloseTo(1 - totalOf(bills.holdfast) / totalOf(bills.naive), 9);
    }
  });

  it('saves nothing where there is one retention and no archive; questions after changed blocks cost', () => {
    for (const { bills } of compare(long).years) {
      expect(bills.holdfast.standard).toBe(bills.naive.standard);
      expect(bills.holdfast.requests).toBeGreaterThan(bills.sameRetention.requests);
    }
  });

  it('counts retention by count and by calendar', () => {
    expect(compare(terms({ retention: { count: 60 } })).naiveRetention).toEqual({ keep: '60d' });
    expect(compare(terms({ retention: { monthly: 6 } })).naiveRetention).toEqual({ keep: '180d' });
    expect(compare(terms({ retention: { keep: 'forever' } }), short).naiveRetention).toEqual({
      keep: 'forever',
    });
  });

  it('is cheaper with an archive that pays, and makes no archive where none pays', () => {
    const monthly = { everyMs: 30 * DAY, retention: { keep: 'forever' } };
    const archive = { after: '30d', every: 'month', dailyChange: 0.05 } as const;
    const [, five] = compare(terms({ ...monthly, archive })).years;
    expect(totalOf(five?.bills.holdfast ?? never())).toBeLessThan(
      totalOf(five?.bills.sameRetention ?? never()),
    );
    const weekly = { everyMs: 7 * DAY, retention: { keep: 'forever' } };
    for (const { bills } of compare(terms({ ...weekly, archive: { ...archive, dailyChange: 0.02 } })).years)
      expect(bills.holdfast.archive).toBe(0);
  });
});

describe('the estimate of a plan', () => {
  const policy = { retention: { keep: '30d' }, minKeep: 3, timezone: 'UTC', copies: [] } as unknown;
  const estimate = (gib: number, more: object = {}) =>
    estimateCost({
      policy: { ...(policy as NormalizedPolicy), ...more },
      everyMs: DAY,
      surveys: [{ target: { accountId: '111111111111', region: 'us-east-1' }, volumes: gib / 10, gib }],
      rules: calendar,
    }).by;

  it('grows with the data and with what changes of it', () => {
    const [low, usual, high] = estimate(1000).map(({ firstYear }) => firstYear);
    expect(low).toBeGreaterThan(1000 * 12 * 0.05 * 0.99);
    expect(usual).toBeGreaterThan(low ?? 0);
    expect(high).toBeGreaterThan(usual ?? 0);
    expect(estimate(2000)[1]?.firstYear).toBeCloseTo(2 * (usual ?? 0), 0);
  });

  it('is nothing where nothing is selected', () => {
    for (const each of estimate(0)) expect(each).toMatchObject({ firstYear: 0, monthAfterwards: 0 });
  });

  it('has copies, and what they send', () => {
    const copies = [{ toRegion: 'eu-west-1', retention: { keep: '30d' } }];
    const [alone, copied] = [estimate(100)[0], estimate(100, { copies })[0]];
    expect(copied?.firstYear).toBeGreaterThan(2 * (alone?.firstYear ?? 0));
    const near = [{ toRegion: 'us-east-1', retention: { keep: '30d' } }];
    expect(estimate(100, { copies: near })[0]?.firstYear).toBeCloseTo(2 * (alone?.firstYear ?? 0), 1);
  });
});

function never(): never {
  throw new Error('there is no such year');
}
