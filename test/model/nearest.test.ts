import { nearest } from '../../src/model/nearest';

describe('nearest', () => {
  it.each([
    ['encryptVolume', 'encryptVolumes'],
    ['ENCRYPTVOLUMES', 'encryptVolumes'],
    ['aprove', 'approve'],
    ['i-0123456789abcdef1', 'i-0123456789abcdef0'],
  ])('of %s is %s', (given, meant) => {
    expect(nearest(given, ['sweepOrphans', 'approve', meant, 'i-9999999999abcdef0'])).toBe(meant);
  });

  it.each(['x', '', 'somethingElse'])('%p is like none of them', (given) => {
    expect(nearest(given, ['approve', 'reject', 'encryptVolumes'])).toBeUndefined();
  });
});
