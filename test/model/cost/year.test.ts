import { expiryOf, periodStart } from '../../../src/calendar/calendar';
import { keptYear, type Chain } from '../../../src/model/cost/year';

const DAY = 86_400_000;
const calendar = { expiryOf, periodStart };
const chain = (more: Partial<Chain>): Chain => ({
  everyMs: DAY,
  retention: { keep: '7d' },
  minKeep: 1,
  timezone: 'UTC',
  ...more,
});
const year = (more: Partial<Chain>) => keptYear(chain(more), calendar);

describe('a simulated year', () => {
  it('keeps what expiry keeps, by age', () => {
    const { last, snapshots } = year({ retention: { keep: '7d' } });
    expect(snapshots).toBe(365);
    expect(last).toEqual({ full: 1, byGap: new Map([[1, 6]]), archived: 0 });
  });

  it('has one full snapshot from the first day on, and the days between the others', () => {
    const { all } = year({ retention: { keep: 'forever' } });
    expect(all.full).toBe(365);
    expect(all.byGap).toEqual(new Map([[1, (365 * 364) / 2]]));
  });

  it('keeps the newest whatever their age', () => {
    expect(year({ retention: { keep: '2d' }, minKeep: 5 }).last.byGap.get(1)).toBe(4);
  });

  it('has wider gaps where only the first of a month is kept', () => {
    const { last } = year({ retention: { keep: '2d', monthly: 12 } });
    expect(last.full + [...last.byGap.values()].reduce((sum, count) => sum + count, 0)).toBe(12 + 2);
    expect([...last.byGap.keys()].sort((a, b) => a - b)).toEqual([1, 29, 28, 30, 31].sort((a, b) => a - b));
  });

  it('archives what decideArchival archives, and no more than it allows', () => {
    const terms = { everyMs: 30 * DAY, retention: { keep: 'forever' } };
    const archive = { after: '30d', every: 'month', dailyChange: 0.05, atMost: 4 } as const;
    expect(year({ ...terms, archive }).last.archived).toBe(4);
    expect(year({ ...terms, archive: { ...archive, dailyChange: 0.005 } }).last.archived).toBe(0);
  });
});
