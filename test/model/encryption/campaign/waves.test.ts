import { encryptVolumesInput } from '../../../../src/model/encryption/campaign/campaign';
import { parseInput } from '../../../../src/model/input';
import { waveSizes } from '../../../../src/model/encryption/campaign/waves';

const INPUT = { instanceIds: ['i-0123456789abcdef0'], kmsKeyId: 'alias/ebs' };

const problems = (waves: unknown): string => {
  const parsed = parseInput(encryptVolumesInput, { ...INPUT, waves });
  return parsed.ok ? '' : parsed.problems;
};

describe('waves', () => {
  it.each<[(number | string)[], number, number[]]>([
    [[1, 5, '25%', 'rest'], 100, [1, 5, 25, 69]],
    [['10%', 'rest'], 3, [1, 2]],
    [[1, 'rest'], 1, [1]],
    [[5, 5, 'rest'], 7, [5, 2]],
    [['50%', '50%', 'rest'], 5, [3, 2]],
    [['rest'], 4, [4]],
    [[1, 'rest'], 0, []],
  ])('%j of %i machines are %j', (sizes, total, expected) => {
    expect(waveSizes(sizes, total)).toEqual(expected);
  });

  it('may be given by their sizes alone', () => {
    const parsed = parseInput(encryptVolumesInput, { ...INPUT, waves: [1, 'rest'] });
    expect(parsed).toMatchObject({ value: { waves: { sizes: [1, 'rest'], approveEach: false } } });
    expect(problems({ sizes: [1, 'rest'], pauseBetween: '1h', approveEach: true })).toBe('');
  });

  it.each<[unknown, string]>([
    [[], 'waves: name at least one wave'],
    [[0, 'rest'], 'waves[0]: not the size of a wave'],
    [[1.5, 'rest'], 'waves[0]: not the size of a wave'],
    [['0%', 'rest'], 'waves[0]: not the size of a wave'],
    [['101%', 'rest'], 'waves[0]: not the size of a wave'],
    [['all'], 'waves[0]: not the size of a wave'],
    [[1, 5], "waves: end with 'rest'"],
    [['rest', 1, 'rest'], "waves: 'rest' leaves nothing"],
    [['60%', '60%', 'rest'], 'waves: the shares add up to 120%'],
    [{ sizes: [1] }, "waves.sizes: end with 'rest'"],
    [{ sizes: [1, 'rest'], pauseBetween: 'a while' }, 'waves.pauseBetween: not a length of time'],
    [{ sizes: [1, 'rest'], approve: true }, 'waves.approve: not a field'],
  ])('%j are refused, and the field is named', (waves, expected) => {
    expect(problems(waves)).toContain(expected);
  });
});
