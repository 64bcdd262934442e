import {
  copyTags,
  readRecoveryPoint,
  recoveryPointTags,
  type RecoveryPointTags,
} from '../../../src/model/points/recoveryPoint';
import { formatVolumeLine, parseVolumeLine, type VolumeLine } from '../../../src/model/points/volumeLine';

const ROOT: VolumeLine = {
  device: '/dev/xvda',
  type: 'gp3',
  size: 8,
  iops: 3000,
  throughput: 125,
  root: true,
  deleteOnTermination: true,
  multiAttach: false,
  zone: 'us-east-1a',
};
const DATA: VolumeLine = {
  device: '/dev/sdf',
  type: 'st1',
  size: 500,
  root: false,
  deleteOnTermination: false,
  multiAttach: false,
  zone: 'us-east-1a',
  kmsKeyId: 'arn:aws:kms:us-east-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef',
};
const SHARED: VolumeLine = {
  device: '-',
  type: 'io2',
  size: 65_536,
  iops: 256_000,
  root: false,
  deleteOnTermination: false,
  multiAttach: true,
  zone: 'us-gov-west-1b',
};

const POINT: RecoveryPointTags = {
  policyName: 'critical',
  recoveryPointId: 'rp-0123456789abcdef0',
  slotMs: Date.UTC(2026, 0, 31, 4),
  takenAt: Date.UTC(2026, 0, 31, 4),
  expiresAt: Date.UTC(2026, 2, 2, 4),
  sourceInstance: 'i-0abc',
  volumes: { 'vol-0a': ROOT, 'vol-0b': DATA },
  minKeep: 3,
  rpoMs: 18_000_000,
  manifest: 'f'.repeat(64),
  retention: { keep: '30d' },
  timezone: 'UTC',
  workflowId: 'backup/critical',
  runId: '01a20ad1',
};

const read = (tags: Record<string, string>, more: object = {}) =>
  readRecoveryPoint({
    snapshotId: 'snap-1',
    volumeId: 'vol-0b',
    description: `holdfast/${POINT.recoveryPointId}`,
    tags,
    ...more,
  });

describe('volume lines', () => {
  it.each([[ROOT], [DATA], [SHARED]])('say all of %j in one tag value', (line) => {
    const text = formatVolumeLine(line);
    expect(text.length).toBeLessThanOrEqual(256);
    expect(parseVolumeLine(text)).toEqual(line);
  });

  it.each(['', 'gp3', '/dev/sdf gp3 none - - - us-east-1a -', 'a b c d e f g h i'])(
    'are not made of %j',
    (text) => {
      expect(parseVolumeLine(text)).toBeUndefined();
    },
  );
});

describe('recovery point tags', () => {
  it('can be read back from a snapshot of the set', () => {
    expect(read(recoveryPointTags(POINT, {}))).toEqual({
      snapshotId: 'snap-1',
      recoveryPointId: POINT.recoveryPointId,
      policyName: 'critical',
      takenAt: POINT.takenAt,
      slotMs: POINT.slotMs,
      expiresAt: POINT.expiresAt,
      lineage: 'i-0abc:/dev/sdf',
      sourceId: 'i-0abc',
      volumeId: 'vol-0b',
      setSize: 2,
      minKeep: 3,
      rpoMs: 18_000_000,
      retention: {},
      timezone: 'UTC',
      legalHold: false,
      copyPlaces: [],
    });
  });

  it('name a standalone volume as its own lineage, for ever', () => {
    const tags = recoveryPointTags(
      { ...POINT, sourceInstance: undefined, expiresAt: undefined, volumes: { 'vol-0c': SHARED } },
      {},
    );
    expect(read(tags, { volumeId: 'vol-ffffffff' })).toMatchObject({ lineage: 'vol-0c', sourceId: 'vol-0c' });
    expect(read(tags)?.expiresAt).toBeUndefined();
  });

  it('carry the users’ tags as far as fifty allow, and none of aws: or of Holdfast’s', () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, 'v']));
    const tags = recoveryPointTags(POINT, {
      ...many,
      'aws:cloudformation:stack-name': 's',
      'holdfast:policy': 'forged',
    });
    expect(Object.keys(tags)).toHaveLength(45);
    expect(tags['holdfast:policy']).toBe('critical');
    expect(Object.keys(tags).some((key) => key.startsWith('aws:'))).toBe(false);
    expect(read(tags)).toBeDefined();
  });

  it.each<[string, Record<string, string>, object]>([
    ['its description says otherwise', {}, { description: 'nightly' }],
    ['the time it was taken cannot be read', { 'holdfast:taken-at': 'yesterday' }, {}],
    ['its expiry cannot be read', { 'holdfast:expires-at': 'soon' }, {}],
    ['its policy is missing', { 'holdfast:policy': '' }, {}],
  ])('are not believed when %s', (_, changed, more) => {
    expect(read({ ...recoveryPointTags(POINT, {}), ...changed }, more)).toBeUndefined();
  });

  it('carry the policy’s cost tags before those of the resource, which give way', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`a${index}`, 'x']));
    const tags = recoveryPointTags(
      { ...POINT, costTags: { CostCenter: '4711' } },
      { CostCenter: 'unknown', ...many },
    );
    expect(tags.CostCenter).toBe('4711');
    expect(Object.keys(tags)).toHaveLength(45);
  });

  it('fall back to the careful terms where theirs are unreadable', () => {
    expect(read({ ...recoveryPointTags(POINT, {}), 'holdfast:retention': 'minKeep=none' })).toMatchObject({
      minKeep: 3,
    });
  });

  describe('on a copy', () => {
    const target = { accountId: '111111111111', region: 'us-east-1' };
    const copy = {
      snapshotId: 'snap-0a',
      volumeId: 'vol-0a',
      target,
      retention: { keep: '90d', count: 5 },
      timezone: 'UTC',
      workflowId: 'copy-queue/1',
      runId: 'r2',
    };

    it('tell its source, and expire it by its own retention', () => {
      const source = recoveryPointTags({ ...POINT, copies: 'eu-west-1' }, { Name: 'db' });
      const tags = copyTags(source, { ...copy, expiresAt: POINT.takenAt + 90 * 86_400_000 });
      const original = read(source, { volumeId: 'vol-0a' });
      expect(original?.copyPlaces).toEqual(['eu-west-1']);
      expect(read(tags, { volumeId: 'vol-ffffffff' })).toEqual({
        ...original,
        expiresAt: POINT.takenAt + 90 * 86_400_000,
        retention: { count: 5 },
        copyPlaces: [],
        sourceTarget: target,
      });
      expect(tags).toMatchObject({ 'holdfast:copy-of': 'snap-0a', Name: 'db' });
    });

    it('let the users’ tags give way first', () => {
      const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, 'v']));
      const tags = copyTags(recoveryPointTags(POINT, many), copy);
      expect(Object.keys(tags)).toHaveLength(45);
      expect(tags['holdfast:source-target']).toBe('111111111111/us-east-1');
    });
  });
});
