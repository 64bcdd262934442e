import {
  imageDescription,
  isEncrypted,
  keysOf,
  snapshotsNotUnder,
  stagingName,
} from '../../../src/model/images/image';
import { parseInput } from '../../../src/model/input';
import { copyAmiToPartnerRegionInput, createShareableAmiInput } from '../../../src/model/images/share';
import { grantName, isShared, missingFrom } from '../../../src/model/images/sharing';

const AMI = {
  instanceId: 'i-0123456789abcdef0',
  amiName: 'golden',
  description: 'for partners',
  partnerAccounts: ['222222222222'],
};
const COPY = {
  amiId: 'ami-0123456789abcdef0',
  destinationRegion: 'eu-west-1',
  partnerAccountId: '222222222222',
};

describe('the input of createShareableAmi', () => {
  const problemsOf = (more: object) => {
    const parsed = parseInput(createShareableAmiInput, { ...AMI, ...more });
    return parsed.ok ? 'none' : parsed.problems;
  };

  it('does not restart the instance unless it is told to', () => {
    expect(parseInput(createShareableAmiInput, AMI)).toMatchObject({ ok: true, value: { reboot: false } });
  });

  it.each([{ amiName: "a/b (c) [d] .-'@_" }, { instanceId: 'i-01234567' }, { reboot: true }])(
    'takes %j',
    (more) => {
      expect(problemsOf(more)).toBe('none');
    },
  );

  it.each([
    [{ instanceId: 'web' }, 'instanceId: not an instance id'],
    [{ amiName: 'a' }, 'amiName: an image name has 3 to 128'],
    [{ amiName: 'golden*' }, 'amiName: an image name has 3 to 128'],
    [{ description: '' }, 'description: EC2 takes ASCII'],
    [{ description: 'für' }, 'description: EC2 takes ASCII'],
    [{ partnerAccounts: [] }, 'partnerAccounts: name at least one'],
    [{ partnerAccounts: ['all'] }, 'partnerAccounts[0]: an AWS account id has 12 digits'],
    [
      { partnerAccounts: Array.from({ length: 101 }, (_, index) => String(100000000000 + index)) },
      'partnerAccounts: at most 100',
    ],
    [{ organizationArns: [] }, 'organizationArns: sharing with organizations is not available'],
    [{ expiresAfter: '30d' }, 'expiresAfter: shares that expire are not available'],
    [{ kmsKeyId: '' }, 'kmsKeyId: give a key'],
  ])('refuses %j', (more, problem) => {
    expect(problemsOf(more)).toContain(problem);
  });
});

describe('the input of copyAmiToPartnerRegion', () => {
  it('takes what the labs give', () => {
    expect(parseInput(copyAmiToPartnerRegionInput, COPY).ok).toBe(true);
  });

  it.each([
    [{ amiId: 'golden' }, 'amiId: not an image id'],
    [{ destinationRegion: 'Ireland' }, 'destinationRegion: not an AWS region'],
    [{ target: { region: 'eu-west-1' } }, 'destinationRegion: the image is in this region already'],
    [{ intoPartnerAccount: true }, 'intoPartnerAccount: copying into the partner’s account is not available'],
    [{ partnerAccounts: ['222222222222'] }, 'partnerAccounts: not a field'],
  ])('refuses %j', (more, problem) => {
    const parsed = parseInput(copyAmiToPartnerRegionInput, { ...COPY, ...more });
    expect(parsed.ok ? 'none' : parsed.problems).toContain(problem);
  });
});

describe('names of images', () => {
  it('fit into what AWS takes', () => {
    const request = 'f'.repeat(16);
    expect(imageDescription('x'.repeat(220), request).length).toBeLessThanOrEqual(255);
    expect(stagingName(request, '0198f3a2-7c1e-7d1e-9a51-4f2f0f3c1c55').length).toBeLessThanOrEqual(128);
    expect(grantName('ami-0123456789abcdef0', '222222222222')).toMatch(/^[a-zA-Z0-9:/_-]{1,256}$/);
  });
});

describe('what an image is under', () => {
  const image = (...keys: (string | undefined)[]) => ({
    amiId: 'ami-1',
    name: 'golden',
    snapshots: keys.map((kmsKeyId, index) => ({ snapshotId: `snap-${index}`, kmsKeyId })),
  });

  it('is encrypted only when every disk is', () => {
    expect(isEncrypted(image('a', 'b'))).toBe(true);
    expect(isEncrypted(image('a', undefined))).toBe(false);
    expect(isEncrypted(image())).toBe(false);
  });

  it('needs each key once', () => {
    expect(keysOf(image('a', 'b', 'a', undefined))).toEqual(['a', 'b']);
  });

  it('is wrong where a snapshot has another key than was asked for, or none', () => {
    expect(snapshotsNotUnder(image('a', 'b', undefined), 'a')).toHaveLength(2);
    expect(snapshotsNotUnder(image('b', undefined), undefined)).toEqual([]);
  });
});

describe('a share', () => {
  const image = { amiId: 'ami-1', snapshotIds: ['s1', 's2'], kmsKeyIds: ['k'] };
  const whole = { snapshotIds: ['s1', 's2', 'other'], kmsKeyIds: ['k'], launch: true };

  it('is whole with key, every snapshot, and the image', () => {
    expect(isShared(image, whole)).toBe(true);
  });

  it.each([
    [{ launch: false }, { launch: true }],
    [{ snapshotIds: ['s2'] }, { snapshotIds: ['s1'] }],
    [{ kmsKeyIds: [] }, { kmsKeyIds: ['k'] }],
  ])('with only %j is not, and says what is missing', (less, missing) => {
    const state = { ...whole, ...less };
    expect(isShared(image, state)).toBe(false);
    expect(missingFrom(image, state)).toEqual({ kmsKeyIds: [], snapshotIds: [], launch: false, ...missing });
  });
});
