import {
  beyondQuotas,
  quotasFor,
  type Makes,
  type QuotaState,
} from '../../../../src/model/encryption/campaign/quotas';

const TARGET = { accountId: '111111111111', region: 'eu-central-1' };
const GP3: QuotaState = { code: 'L-7A658B76', name: 'gp3, in TiB', value: 50, used: 0, adjustable: true };
const IO2: QuotaState = { code: 'L-8D977E7E', name: 'io2 IOPS', value: 100_000, used: 0, adjustable: true };
const SNAPSHOTS: QuotaState = {
  code: 'L-309BACF6',
  name: 'Snapshots per Region',
  value: 100_000,
  used: 0,
  adjustable: true,
};

const TIB = 1024;
const gp3 = (item: string, size: number, strategy: Makes['strategy'] = 'clone'): Makes => ({
  item,
  strategy,
  disks: [{ type: 'gp3', size }],
});

describe('quotas', () => {
  const items = (states: QuotaState[], makes: Makes[]) =>
    beyondQuotas(states, makes, TARGET).map(({ item }) => item);

  it('have room for everything that fits to the last GiB', () => {
    expect(items([{ ...GP3, used: 48 }], [gp3('a', TIB), gp3('b', TIB)])).toEqual([]);
    expect(items([{ ...GP3, used: 48 }], [gp3('a', TIB), gp3('b', TIB + 1)])).toEqual(['b']);
  });

  it('are taken in order, and a small one behind a large one may still fit', () => {
    const makes = [gp3('a', TIB), gp3('large', 3 * TIB), gp3('small', TIB)];
    expect(items([{ ...GP3, used: 48 }], makes)).toEqual(['large']);
  });

  it('count IOPS of their own type alone', () => {
    const disks = [
      { type: 'io2', size: 10, iops: 60_000 },
      { type: 'gp3', size: 10, iops: 16_000 },
    ];
    const makes: Makes[] = ['a', 'b'].map((item) => ({ item, strategy: 'clone', disks }));
    expect(items([IO2], makes)).toEqual(['b']);
    expect(items([{ ...IO2, value: 120_000 }], makes)).toEqual([]);
  });

  it.each([
    ['copy', 4],
    ['direct', 3],
    ['clone', 2],
  ] as const)('count the snapshots of %s', (strategy, snapshots) => {
    const state = { ...SNAPSHOTS, used: SNAPSHOTS.value - snapshots };
    expect(items([state], [gp3('a', 1, strategy)])).toEqual([]);
    expect(items([{ ...state, used: state.used + 1 }], [gp3('a', 1, strategy)])).toEqual(['a']);
  });

  it('say by name what there is, what goes to others, what is needed, and how to get it', () => {
    const makes = [gp3('a', TIB), gp3('b', TIB)];
    const [beyond] = beyondQuotas([{ ...GP3, used: 48.5 }], makes, TARGET);
    expect(beyond).toEqual({
      item: 'b',
      reasons: [
        'quota "gp3, in TiB" (L-7A658B76) of 111111111111/eu-central-1 has no room: of 50, 48.5 are used, 1 go to machines before it, and it needs 1 more until its originals are deleted; aws service-quotas request-service-quota-increase --region eu-central-1 --service-code ebs --quota-code L-7A658B76 --desired-value 51',
      ],
    });
    const fixed = beyondQuotas([{ ...GP3, used: 50, adjustable: false }], [gp3('a', 1)], TARGET);
    expect(fixed[0]?.reasons[0]).toContain('AWS does not raise it');
  });

  it('that do not matter are not asked for', () => {
    expect(quotasFor([gp3('a', 1)]).map(({ code }) => code)).toEqual(['L-7A658B76', 'L-309BACF6']);
    expect(quotasFor([])).toEqual([]);
  });
});
