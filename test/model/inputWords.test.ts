import { encryptVolumesInput } from '../../src/model/encryption/campaign/campaign';
import { setLegalHoldInput } from '../../src/model/retention/hold';
import { parseInput } from '../../src/model/input';
import { createCustomerManagedKeyInput } from '../../src/model/keys/key';
import { parseMessage } from '../../src/model/messages';

const problems = (parsed: { ok: boolean; problems?: string }) => parsed.problems ?? '';

describe('what is wrong with an input', () => {
  it.each([
    [
      'a missing key',
      encryptVolumesInput,
      { selector: { all: true } },
      'kmsKeyId: missing; give a text in quotes',
    ],
    [
      'a number',
      encryptVolumesInput,
      { instanceIds: ['i-0123456789abcdef0'], kmsKeyId: 7 },
      'kmsKeyId: must be a text in quotes, and is 7',
    ],
    [
      'a text for a list',
      encryptVolumesInput,
      { instanceIds: 'i-1', kmsKeyId: 'k' },
      'instanceIds: must be a list',
    ],
    [
      'a text for a truth',
      createCustomerManagedKeyInput,
      { description: 'x', keyUsage: 'ENCRYPT_DECRYPT', rotateNow: 'yes' },
      'rotateNow: must be true or false, and is "yes"',
    ],
    [
      'an empty text',
      createCustomerManagedKeyInput,
      { description: '', keyUsage: 'ENCRYPT_DECRYPT' },
      'description: must not be empty',
    ],
    [
      'an unknown word',
      encryptVolumesInput,
      { selector: { all: true }, kmsKeyId: 'k', strategy: 'fast' },
      'strategy: must be "auto" or ',
    ],
    [
      'too many characters',
      setLegalHoldInput,
      { policyName: 'x', reason: 'y'.repeat(300) },
      'reason: at most 256 characters',
    ],
  ])('%s is said without the words of a library', (_what, schema, input, said) => {
    const text = problems(parseInput(schema, input));
    expect(text).toContain(said);
    expect(text).not.toMatch(/Invalid|expected|received|Too (small|big)/);
  });

  it('in a message', () => {
    expect(problems(parseMessage({ reason: 'x' }))).toBe('by: missing; give a text in quotes');
  });
});

describe('a hold on one point', () => {
  it.each(['rp-0123456789abcdef0', 'mig-0123456789abcdef0', 'mig-0123456789abcdef0-kept'])(
    'takes %s',
    (recoveryPointId) => {
      expect(parseInput(setLegalHoldInput, { recoveryPointId, reason: 'case 7' }).ok).toBe(true);
    },
  );
  it.each(['mig-1', 'rp-0123456789abcdef0-kept', 'snap-0123456789abcdef0'])(
    'refuses %s',
    (recoveryPointId) => {
      expect(parseInput(setLegalHoldInput, { recoveryPointId, reason: 'case 7' }).ok).toBe(false);
    },
  );
});
