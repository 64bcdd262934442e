import { moveCost, totalCost } from '../../../src/model/moves/cost';

describe('what a move costs', () => {
  it.each([
    ['gp3 as it comes', { type: 'gp3', size: 100, iops: 3000, throughput: 125 }, 8 / 30],
    ['gp3 with more', { type: 'gp3', size: 100, iops: 4000, throughput: 250 }, (8 + 5 + 5) / 30],
    ['gp2', { type: 'gp2', size: 300 }, 1],
    ['io2', { type: 'io2', size: 100, iops: 1000 }, (12.5 + 65) / 30],
    ['st1', { type: 'st1', size: 1000 }, 1.5],
    ['sc1', { type: 'sc1', size: 1000 }, 0.5],
    ['magnetic', { type: 'standard', size: 600 }, 1],
    ['a type that is newer than the prices', { type: 'io9', size: 240 }, 1],
  ])('of %s is the original beside the new one, by the day', (_what, disk, perDay) => {
    expect(moveCost([disk], 'direct').perDayUntilCommit).toBeCloseTo(perDay, 2);
  });

  it('is the recovery point that stays, afterwards', () => {
    const disks = [
      { type: 'gp3', size: 100 },
      { type: 'gp2', size: 20 },
    ];
    expect(moveCost(disks, 'copy')).toEqual({ perDayUntilCommit: 0.33, perMonthAfter: 6 });
  });

  it('says what is not in it, alone and in sum', () => {
    const clone = moveCost([{ type: 'gp2', size: 300 }], 'clone');
    const direct = moveCost([{ type: 'gp2', size: 300 }], 'direct');
    expect(clone.without).toContain('volume copy');
    expect(direct).not.toHaveProperty('without');
    expect(totalCost([direct, clone])).toEqual({ ...clone, perDayUntilCommit: 2, perMonthAfter: 30 });
    expect(totalCost([])).toEqual({ perDayUntilCommit: 0, perMonthAfter: 0 });
  });
});
