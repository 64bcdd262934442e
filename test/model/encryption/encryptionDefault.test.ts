import {
  isSameDefault,
  showsDefault,
  enableEncryptionByDefaultInput,
  regionMismatch,
} from '../../../src/model/encryption/encryptionDefault';
import { parseInput } from '../../../src/model/input';

const KEYS = { 'us-east-1': 'alias/ebs', 'eu-west-1': 'alias/ebs' };

describe('regions of keys and targets', () => {
  it('fit when each has the other', () => {
    expect(regionMismatch(KEYS, ['eu-west-1', 'us-east-1', 'us-east-1'])).toEqual([]);
  });

  it('name a target without a key and a key without a target', () => {
    const messages = regionMismatch(KEYS, ['us-east-1', 'ap-southeast-1']).map(({ message }) => message);
    expect(messages).toEqual([
      expect.stringContaining(
        'a target is in ap-southeast-1, but kmsKeyIds has keys for us-east-1, eu-west-1',
      ),
      expect.stringContaining('a key for eu-west-1, but targets are in us-east-1, ap-southeast-1'),
    ]);
  });

  it('wait with keys without a target while a target’s region is not known', () => {
    const input = { kmsKeyIds: KEYS, targets: [{ region: 'us-east-1' }, { accountId: '222222222222' }] };
    expect(parseInput(enableEncryptionByDefaultInput, input).ok).toBe(true);
    expect(
      parseInput(enableEncryptionByDefaultInput, { ...input, targets: [{ region: 'us-east-1' }] }),
    ).toMatchObject({ ok: false, problems: expect.stringContaining('kmsKeyIds: there is a key') as string });
  });
});

describe('what EC2 reports as the default key', () => {
  const arn = 'arn:aws:kms:us-east-1:111111111111:key/1234';

  it.each([
    [{ enabled: true, kmsKeyId: arn }, true],
    [{ enabled: true, kmsKeyId: '1234' }, true],
    [{ enabled: true, kmsKeyId: '' }, false],
    [{ enabled: true, kmsKeyId: '34' }, false],
    [{ enabled: false, kmsKeyId: arn }, false],
  ])('%j is the key: %s', (found, same) => {
    expect(isSameDefault(found, { enabled: true, kmsKeyId: arn })).toBe(same);
  });

  it.each([
    ['alias/aws/ebs', 'alias/aws/ebs', true],
    ['alias/aws/ebs', arn, true],
    [arn, 'alias/aws/ebs', false],
    ['alias/ebs', 'alias/aws/ebs', false],
  ])('once %s was set, %s shows it: %s', (wanted, kmsKeyId, shows) => {
    const found = { enabled: false, kmsKeyId };
    expect(showsDefault(found, { enabled: false, kmsKeyId: wanted })).toBe(shows);
    expect(showsDefault(found, { enabled: true, kmsKeyId: wanted })).toBe(false);
  });
});
