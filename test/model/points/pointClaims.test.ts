import { claimsOf, contradiction, type Claimant } from '../../../src/model/points/pointClaims';

const HOUR = 3_600_000;
const COPY = 'vol-ffffffff';

/** A snapshot of the one volume of a point that was taken `hours` after the epoch. */
function aClaimant(
  snapshotId: string,
  hours: number,
  more: Partial<Claimant> = {},
  tags: Record<string, string> = {},
): Claimant {
  return {
    snapshotId,
    volumeId: 'vol-1',
    startedAt: hours * HOUR,
    tags: {
      'holdfast:recovery-point': `rp-${hours}`,
      'holdfast:policy': 'p',
      'holdfast:taken-at': new Date(hours * HOUR).toISOString(),
      'holdfast:set': '1',
      'holdfast:source-volume': 'vol-1',
      'holdfast:volume:vol-1': '-',
      ...tags,
    },
    ...more,
  };
}
const ids = (list: readonly { snapshotId: string }[]) => list.map(({ snapshotId }) => snapshotId);

describe('whose a snapshot with the marks of a point is', () => {
  it.each<[string, Claimant]>([
    ['a first snapshot of the volume', aClaimant('a', 1)],
    ['a copy that names what it is of', aClaimant('a', 1, { volumeId: COPY }, { 'holdfast:copy-of': 'b' })],
    ['an encrypted copy', aClaimant('a', 1, { volumeId: COPY }, { 'holdfast:encrypted-from': 'b' })],
    ['what a migration copied', aClaimant('a', 1, { volumeId: COPY }, { 'holdfast:migration': 'm' })],
    [
      'one of a set whose lines did not fit',
      aClaimant('a', 1, { volumeId: 'vol-2' }, { 'holdfast:set': '3' }),
    ],
  ])('agrees with AWS’s records: %s', (_what, snapshot) => {
    expect(contradiction(snapshot)).toBeUndefined();
    expect(ids(claimsOf([snapshot]).own)).toEqual(['a']);
  });

  it.each<[string, Claimant]>([
    ['somebody’s copy of a first snapshot', aClaimant('a', 1, { volumeId: COPY })],
    ['a snapshot of another volume', aClaimant('a', 1, { volumeId: 'vol-2' })],
    ['a first snapshot that says it is a copy', aClaimant('a', 1, {}, { 'holdfast:copy-of': 'b' })],
    ['a first snapshot that says it is encrypted', aClaimant('a', 1, {}, { 'holdfast:encrypted-from': 'b' })],
  ])('is contradicted by AWS’s records: %s', (_what, snapshot) => {
    expect(claimsOf([snapshot])).toMatchObject({ own: [], strangers: [{ snapshotId: 'a' }] });
  });

  it('is the first of several, and none of them is certain', () => {
    const later = aClaimant('a', 1, { startedAt: HOUR + 1 });
    const { own, rivals, strangers } = claimsOf([later, aClaimant('b', 1)]);
    expect(ids(own)).toEqual(['b']);
    expect(rivals.get('b')).toEqual(['b', 'a']);
    expect(strangers).toEqual([]);
  });

  it('is a stranger’s when it was begun after a later point, also when the point’s own is gone', () => {
    const copied = aClaimant('x', 1, { startedAt: 6 * HOUR });
    for (const first of [[aClaimant('a', 1)], []]) {
      const { own, rivals, strangers } = claimsOf([copied, ...first, aClaimant('b', 5), aClaimant('c', 9)]);
      expect(ids(own)).toEqual([...ids(first), 'b', 'c']);
      expect(rivals.size).toBe(0);
      expect(ids(strangers)).toEqual(['x']);
    }
  });

  it('does not depend on clocks that differ by less than an hour, nor on other volumes and policies', () => {
    const slow = aClaimant('a', 1, { startedAt: 1.9 * HOUR });
    const soon = aClaimant('b', 1.5);
    const others = [
      aClaimant('c', 5, { startedAt: 0 }, { 'holdfast:policy': 'q' }),
      aClaimant('d', 5, { startedAt: 0, volumeId: 'vol-2' }, { 'holdfast:set': '3' }),
    ];
    expect(claimsOf([slow, soon, ...others]).strangers).toEqual([]);
  });

  it('of copies is told by the snapshot that they are of, which two of one volume may be', () => {
    const copy = (id: string, of: string) => aClaimant(id, 1, { volumeId: COPY }, { 'holdfast:copy-of': of });
    expect(claimsOf([copy('a', 's-1'), copy('b', 's-2')]).rivals.size).toBe(0);
    expect(claimsOf([copy('a', 's-1'), copy('b', 's-1')]).rivals.get('a')).toEqual(['a', 'b']);
  });
});
