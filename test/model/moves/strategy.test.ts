import {
  claimsAhead,
  formatCloneClaim,
  freeClones,
  parseCloneClaim,
  type CloneClaim,
  type FoundClaim,
} from '../../../src/model/moves/cloneClaim';
import { chooseStrategy, expectation, withoutClone } from '../../../src/model/moves/strategy';

const disks = (count: number, size = 100) =>
  Array.from({ length: count }, (_, n) => ({ volumeId: `vol-${n}`, size }));
const rekeyed = [
  { volumeId: 'vol-a', size: 8 },
  { volumeId: 'vol-b', size: 8, encryptedUnder: 'arn' },
];

describe('the strategy', () => {
  it.each([
    ['clone', 'a running machine', { running: true, disks: disks(2) }, 'the shortest downtime'],
    ['clone', 'as many volumes as EBS copies at a time', { running: true, disks: disks(5) }, 'fewer than 5'],
    ['direct', 'one more than that', { running: true, disks: disks(6) }, 'it has 6 volumes and EBS copies 5'],
    ['direct', 'a machine that is stopped', { running: false, disks: disks(1) }, 'it is stopped'],
    [
      'direct',
      'volumes that change their key',
      { running: true, disks: rekeyed },
      'vol-b is encrypted already',
    ],
  ])('is %s for %s, and says why', (name, _what, moved, why) => {
    const plan = chooseStrategy('auto', moved);
    expect(plan).toMatchObject({ asked: 'auto', name, why: expect.stringContaining(why) as string });
  });

  it.each(['copy', 'direct', 'clone'] as const)('is %s where that was asked for', (asked) => {
    expect(chooseStrategy(asked, { running: false, disks: rekeyed })).toMatchObject({
      name: asked,
      why: `strategy ${asked} was asked for`,
    });
  });

  it('becomes direct where no clone is to be had', () => {
    expect(withoutClone('1 of 5 free', { running: true, disks: disks(2) })).toMatchObject({
      name: 'direct',
      why: '1 of 5 free; direct needs no volume copies',
    });
  });

  it('has the shorter downtime the less is copied after the stop, and clone whatever the size', () => {
    const of = (size: number) =>
      chooseStrategy('auto', { running: true, disks: [...disks(1, 8), ...disks(1, size)] })
        .expectedDowntimeMs;
    const [small, large] = [of(8), of(1024)];
    expect(large.clone).toBe(small.clone);
    for (const { clone, direct, copy } of [small, large])
      expect([clone, direct, copy]).toEqual([clone, direct, copy].sort((a, b) => a - b));
    expect(large.direct).toBeGreaterThan(small.direct);
    expect(large.copy - large.direct).toBeGreaterThan(small.copy - small.direct);
  });

  it('costs a stopped machine no downtime', () => {
    const { expectedDowntimeMs } = chooseStrategy('copy', { running: false, disks: disks(1) });
    expect(expectedDowntimeMs).toEqual({ copy: 0, direct: 0, clone: 0 });
  });

  it.each([
    [8, 0.1],
    [1024, 6],
  ])('says for how long a clone of %i GiB is slow: %d h', (size, hours) => {
    const plan = chooseStrategy('clone', { running: true, disks: disks(1, size) });
    expect(plan.reducedSpeedHours).toBe(hours);
    expect(expectation(plan)).toContain(`up to ${hours} h at no more than 3,000 IOPS and 125 MiB/s`);
  });

  it('has no slow hours but as clone', () => {
    expect(chooseStrategy('direct', { running: true, disks: disks(1) })).not.toHaveProperty(
      'reducedSpeedHours',
    );
  });
});

describe('a claim of volume copies', () => {
  const HOUR = 3600_000;
  const NOW = 100 * HOUR;
  const claim = (migrationId: string, more: Partial<CloneClaim> = {}): CloneClaim => ({
    migrationId,
    since: NOW,
    renewed: NOW,
    granted: false,
    ...more,
  });
  const own = claim('mig-m', { of: { holder: 'i-m', volumes: 2 } });
  /** On a volume of a machine. */
  const on = (holder: string, of: CloneClaim): FoundClaim => ({ ...of, attachedTo: [holder] });
  const free = (inProgress: number, claims: FoundClaim[]) =>
    freeClones(inProgress, claimsAhead(claims, own, NOW));

  it.each<[string, number, FoundClaim[], number]>([
    ['has all five where nobody else copies', 0, [], 5],
    ['does not stand in its own way', 0, [on('i-m', own), on('i-m', own)], 5],
    ['leaves those that are in progress', 3, [], 2],
    ['waits for whoever came earlier', 0, [on('i-1', claim('mig-z', { since: NOW - 1 }))], 4],
    [
      'goes before whoever came later',
      0,
      [on('i-1', claim('mig-a', { since: NOW + 1, renewed: NOW + 1 }))],
      5,
    ],
    ['of the same moment goes by its id', 0, [on('i-1', claim('mig-a')), on('i-2', claim('mig-z'))], 4],
    [
      'counts what was granted, whenever it came',
      1,
      [on('i-1', claim('mig-z', { since: NOW + 1, renewed: NOW + 1, granted: true }))],
      3,
    ],
    ['counts every volume', 0, [on('i-1', claim('mig-a')), on('i-1', claim('mig-a'))], 3],
    [
      'forgets whoever was not heard of for an hour',
      0,
      [on('i-1', claim('mig-a', { granted: true, since: 0, renewed: NOW - HOUR }))],
      5,
    ],
    ['never finds less than none', 5, [on('i-1', claim('mig-a'))], 0],
  ])('%s', (_what, inProgress, claims, left) => {
    expect(free(inProgress, claims)).toBe(left);
  });

  const theirs = claim('mig-a', { granted: true, of: { holder: 'i-1', volumes: 1 } });
  it.each<[string, FoundClaim[], number]>([
    ['on a volume of the machine that it names', [on('i-1', theirs)], 4],
    [
      'on a volume of several machines, of which it names one',
      [{ ...theirs, attachedTo: ['i-0', 'i-1'] }],
      4,
    ],
    ['copied to a volume of another machine', [on('i-1', theirs), on('i-2', theirs), on('i-3', theirs)], 4],
    ['copied to more volumes of its machine than it is about', [on('i-1', theirs), on('i-1', theirs)], 4],
    ['copied to a volume of the machine that asks', [on('i-m', claim('mig-a', { granted: true }))], 5],
    ['copied to a volume that is attached to nothing', [{ ...theirs, attachedTo: [] }], 5],
    [
      'of another migration of the same machine, renewed earlier',
      [on('i-1', theirs), on('i-1', { ...theirs, migrationId: 'mig-b', renewed: NOW - 1, since: 0 })],
      4,
    ],
    ['from the future', [on('i-1', { ...theirs, renewed: NOW + HOUR })], 5],
    ['renewed before it began', [on('i-1', { ...theirs, since: NOW, renewed: NOW - 1 })], 5],
    ['of 0.1.0, which names no machine', [on('i-1', claim('mig-a', { granted: true }))], 4],
  ])('counts once where it is true: %s', (_what, claims, left) => {
    expect(free(0, claims)).toBe(left);
  });

  it('is granted before it is waiting, for whoever asks in turns', () => {
    const claims = [on('i-1', claim('mig-a')), on('i-2', { ...theirs, of: undefined })];
    expect(claimsAhead(claims, own, NOW).map(({ instanceId }) => instanceId)).toEqual(['i-2', 'i-1']);
  });

  it.each([true, false])('comes back from its tag as it was (granted: %s)', (granted) => {
    expect(parseCloneClaim(formatCloneClaim({ ...own, granted }))).toEqual({ ...own, granted });
    const before = claim('mig-m', { granted });
    expect(parseCloneClaim(formatCloneClaim(before))).toEqual(before);
  });

  it.each([
    '',
    'mig-1',
    'mig-1 1 2',
    'mig-1 x 2 granted',
    'mig-1 1 2 maybe',
    'mig-1 1 2 granted i-1',
    'mig-1 1 2 granted i-1 x',
  ])('is not read from %j', (text) => {
    expect(parseCloneClaim(text)).toBeUndefined();
  });
});
