import { MADE_UP_AT_ONCE, missedSlots, type SlotCopies } from '../../../src/model/copies/missed';

describe('slots whose copies are made up for', () => {
  const slot = (slotMs: number, more: Partial<SlotCopies> = {}): SlotCopies => ({
    ...{ slotMs, jobs: 1, isMissed: true },
    ...more,
  });

  it('are those before this one that lack copies, the newest first', () => {
    const slots = [slot(1), slot(3), slot(2), slot(4, { isMissed: false }), slot(5), slot(6)];
    expect(missedSlots(slots, 5)).toEqual([3, 2, 1]);
  });

  it('begin with those that were tried less often, so that one that always fails keeps none from its turn', () => {
    const stuck = Array.from({ length: MADE_UP_AT_ONCE }, (_, index) => slot(100 + index, { jobs: 7 }));
    expect(missedSlots([...stuck, slot(1), slot(2)], 1000)).toEqual([2, 1, 104, 103, 102]);
  });
});
