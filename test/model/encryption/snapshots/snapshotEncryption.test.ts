import {
  encryptedCopyTags,
  copyMarks,
  isUncommitted,
  marksOfGone,
} from '../../../../src/model/encryption/snapshots/encryptedCopy';
import { parseInput } from '../../../../src/model/input';
import { decideSnapshot, whyNoSubstitute } from '../../../../src/model/encryption/snapshots/snapshotDecision';
import {
  encryptSnapshotsInput,
  type SnapshotFacts,
} from '../../../../src/model/encryption/snapshots/snapshotEncryption';

const KEY = 'arn:aws:kms:us-east-1:111111111111:key/1';
const run = { kmsKeyArn: KEY, maker: { workflowId: 'encrypt-1', runId: 'run-1' } };

function facts(more: Partial<SnapshotFacts> = {}): SnapshotFacts {
  return {
    snapshotId: 'snap-1',
    state: 'completed',
    encrypted: false,
    tags: {},
    description: 'mine',
    volumeId: 'vol-1',
    startedAt: 0,
    archived: false,
    images: [],
    sharedWith: [],
    ...more,
  };
}

describe('the input', () => {
  const problems = (input: object) => {
    const parsed = parseInput(encryptSnapshotsInput, { kmsKeyId: 'alias/ebs', ...input });
    return parsed.ok ? undefined : parsed.problems;
  };
  it.each([
    [{}, 'give exactly one of snapshotIds and selector'],
    [{ snapshotIds: ['snap-00000001'], selector: { unencrypted: true } }, 'give exactly one'],
    [{ snapshotIds: [] }, 'snapshotIds: name at least one snapshot'],
    [{ snapshotIds: ['ami-00000001'] }, 'snapshotIds[0]: not a snapshot id'],
    [{ snapshotIds: ['snap-00000001', 'snap-00000001'] }, 'names a snapshot twice'],
    [{ selector: {} }, 'selector: it selects nothing'],
    [{ selector: { unencrypted: false } }, 'write true, or leave it out'],
    [{ selector: { tags: { not: { a: 'b' } } } }, 'not alone would select nearly everything'],
    [{ selector: { unencrypted: true }, kmsKeyId: '' }, 'kmsKeyId'],
    [{ selector: { unencrypted: true }, targets: [{}] }, 'targets: not a field of this input'],
  ])('%j is refused', (input, problem) => {
    expect(problems(input)).toContain(problem);
  });
  it.each([
    { selector: { unencrypted: true, tags: { any: { a: ['b', 'c'] } } }, ticket: 'T-1' },
    { snapshotIds: ['snap-00000001'], target: { region: 'eu-west-1' }, dryRun: true },
  ])('%j is taken', (input) => {
    expect(problems(input)).toBeUndefined();
  });
});

describe('what happens to a snapshot', () => {
  const decide = (more: Partial<SnapshotFacts>) => decideSnapshot(facts(more), run);
  const copy = { copyId: 'snap-2', workflowId: 'encrypt-0', isOpen: false };

  it.each<[string, Partial<SnapshotFacts>]>([
    ['a plain one', {}],
    ['one with this run’s copy', { copy: { ...copy, workflowId: 'encrypt-1', isOpen: true } }],
    ['one with the copy of a run that has ended', { copy }],
    [
      'one that only says of itself that a migration made it',
      { tags: { 'holdfast:migration': 'm' }, description: 'holdfast/m' },
    ],
    [
      'a point that a migration kept',
      { tags: { 'holdfast:migration': 'm', 'holdfast:recovery-point': 'm' } },
    ],
  ])('%s is encrypted', (_, more) => {
    expect(decide(more)).toEqual({ action: 'encrypt' });
  });

  it.each<[string, Partial<SnapshotFacts>, string]>([
    ['under this key', { kmsKeyId: KEY }, 'it is encrypted under this key already'],
    ['under another key', { kmsKeyId: 'k' }, 'it is encrypted already, under another key: k'],
  ])('one that is encrypted %s is done', (_, more, reason) => {
    expect(decide({ encrypted: true, ...more })).toEqual({ action: 'done', reasons: [reason] });
  });

  it.each<[Partial<SnapshotFacts>, RegExp]>([
    [{ state: 'pending' }, /it is pending/],
    [{ state: 'error', stateMessage: 'key disabled' }, /in error: key disabled/],
    [{ archived: true }, /in the archive/],
    [{ images: ['ami-1', 'ami-2'] }, /images ami-1, ami-2 use it/],
    [{ lock: {} }, /it is locked:/],
    [{ lock: { until: 0 } }, /locked until 1970-01-01T00:00:00.000Z/],
    [{ sharedWith: ['222222222222', 'all'] }, /shared with everybody, 222222222222/],
    [{ tags: { 'aws:backup:source-resource': 'x' } }, /AWS Backup/],
    [{ tags: { 'aws:dlm:lifecycle-policy-id': 'x' } }, /Data Lifecycle Manager/],
    [{ tags: { 'holdfast:legal-hold:h': 'case 7' } }, /legal hold \(h: case 7\)/],
    [{ migration: 'm1' }, /migration m1 made it on its way/],
    [{ copy: { ...copy, isOpen: true } }, /workflow encrypt-0 has made its encrypted copy snap-2/],
    [{ tags: Object.fromEntries(Array.from({ length: 44 }, (_, at) => [`t${at}`, ''])) }, /remove 2,/],
  ])('one with %j stays', (more, reason) => {
    expect(decide(more)).toEqual({ action: 'keep', reasons: [expect.stringMatching(reason)] });
  });

  it('says every reason', () => {
    const { reasons } = decide({ archived: true, lock: {}, images: ['ami-1'] }) as { reasons: string[] };
    expect(reasons).toHaveLength(3);
  });
});

describe('a copy', () => {
  const point = facts({
    tags: {
      'holdfast:recovery-point': 'rp-1',
      'holdfast:volume:vol-1': '/dev/xvda gp3 8 - - r us-east-1a -',
      'holdfast:workflow': 'backup',
      'aws:cloudformation:stack-name': 's',
      owner: 'ann',
    },
    description: 'holdfast/rp-1',
  });

  it('of a point is none before the commit, and has its marks after it', () => {
    const { tags, description } = copyMarks(point, run.maker, 'es-1');
    expect(description).toBe('holdfast/rp-1');
    expect(tags).toMatchObject({
      'holdfast:uncommitted': 'rp-1',
      'holdfast:encrypted-from': 'snap-1',
      owner: 'ann',
    });
    expect(tags).not.toHaveProperty('holdfast:recovery-point');
    expect(isUncommitted({ tags, description })).toBe(true);
    expect(isUncommitted({ tags, description: 'holdfast/rp-2' })).toBe(false);
    expect(marksOfGone(tags)).toEqual({ 'holdfast:recovery-point': 'rp-1' });
    expect(encryptedCopyTags(point, run.maker)).toEqual({
      'holdfast:recovery-point': 'rp-1',
      'holdfast:volume:vol-1': '/dev/xvda gp3 8 - - r us-east-1a -',
      owner: 'ann',
      'holdfast:schema': '1',
      'holdfast:encrypted-from': 'snap-1',
      'holdfast:started-at': '1970-01-01T00:00:00.000Z',
      'holdfast:source-volume': 'vol-1',
      'holdfast:device': '/dev/xvda',
      'holdfast:workflow': 'encrypt-1',
      'holdfast:run': 'run-1',
    });
  });

  it('of anything else keeps what its description was', () => {
    const theirs = facts({ tags: { 'holdfast:recovery-point': 'rp-1' }, description: 'copied by hand' });
    const { tags, description } = copyMarks(theirs, run.maker, 'es-1');
    expect(description).toBe('holdfast/es-1');
    expect(tags).toMatchObject({ 'holdfast:uncommitted': 'es-1', 'holdfast:description': 'copied by hand' });
    expect(marksOfGone(tags)).toEqual({});
  });

  it('of a copy is of the volume that the first one was of', () => {
    expect(encryptedCopyTags(facts({ volumeId: 'vol-ffffffff' }), run.maker)).not.toHaveProperty(
      'holdfast:source-volume',
    );
    const named = facts({ volumeId: 'vol-ffffffff', tags: { 'holdfast:source-volume': 'vol-9' } });
    expect(encryptedCopyTags(named, run.maker)).toHaveProperty('holdfast:source-volume', 'vol-9');
  });

  const good = { state: 'completed', encrypted: true, kmsKeyId: KEY, sizeGiB: 8 };
  it.each([
    [good, undefined],
    [{ ...good, state: 'error', stateMessage: 'no key' }, 'it is error: no key'],
    [{ ...good, encrypted: false }, 'it is not encrypted'],
    [{ ...good, kmsKeyId: 'k' }, 'it is under k'],
    [{ ...good, sizeGiB: 7 }, 'it has 7 GiB, and the original 8'],
  ])('%j stands for its original: %s is against it', (copy, why) => {
    expect(whyNoSubstitute(copy, 8, KEY)).toBe(why);
  });
});
