import {
  decideOrphans,
  makersToAsk,
  type MakerState,
  type MarkedSnapshot,
  type OrphanFacts,
} from '../../../src/model/operations/orphans';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const target = { accountId: '111111111111', region: 'us-east-1' };
const RUN = 'backup/p/111111111111/us-east-1';
const MACHINE = 'machine/111111111111/us-east-1/i-1';

const of = (facts: Partial<OrphanFacts>, makers: Record<string, MakerState> = {}) => {
  const all: Omit<OrphanFacts, 'makers'> = {
    target,
    snapshots: [],
    volumes: [],
    images: [],
    markedMigrations: new Set(),
    existingVolumes: new Set(['vol-1', 'vol-2']),
    existingOriginals: new Set(),
    now: NOW,
    ...facts,
  };
  return { all, orphans: decideOrphans({ ...all, makers: new Map(Object.entries(makers)) }) };
};
const found = (facts: Partial<OrphanFacts>, makers?: Record<string, MakerState>) =>
  of(facts, makers).orphans.map(({ resourceId, removable }) => [resourceId, removable]);

/** One of the two snapshots of a point. */
function aSnapshot(more: Partial<MarkedSnapshot> = {}, tags: Record<string, string> = {}): MarkedSnapshot {
  return {
    snapshotId: 'snap-1',
    volumeId: 'vol-1',
    description: 'holdfast/rp-1',
    state: 'completed',
    startedAt: NOW - 2 * DAY,
    tags: { 'holdfast:recovery-point': 'rp-1', 'holdfast:set': '2', 'holdfast:workflow': RUN, ...tags },
    locked: false,
    usedByImage: false,
    ...more,
  };
}
const other = aSnapshot({ snapshotId: 'snap-2', volumeId: 'vol-2' });
const inError = aSnapshot({ state: 'error', stateMessage: 'key disabled' });

function staged(more: Partial<MarkedSnapshot> = {}): MarkedSnapshot {
  return {
    ...aSnapshot({ description: 'holdfast/mig-1', ...more }),
    tags: {
      'holdfast:migration': 'mig-1',
      'holdfast:source-instance': 'i-1',
      'holdfast:source-volume': 'vol-1',
    },
  };
}

/** Of `snap-0`, in a run that ended without a word. */
function uncommittedCopy(): MarkedSnapshot {
  const tags = {
    'holdfast:uncommitted': 'es-1',
    'holdfast:encrypted-from': 'snap-0',
    'holdfast:workflow': 'encrypt-1',
  };
  return { ...aSnapshot({ volumeId: 'vol-ffffffff', description: 'holdfast/es-1' }), tags };
}

function ofImage(): MarkedSnapshot {
  const tags = { 'holdfast:request': 'r', 'holdfast:run': 'x', 'holdfast:workflow': 'w' };
  return { ...aSnapshot({ description: 'Created by CreateImage(i-1) for ami-0a' }), tags };
}

describe('orphans among snapshots', () => {
  it('are none of a whole point', () => {
    expect(found({ snapshots: [aSnapshot(), other] })).toEqual([]);
  });

  it('are encrypted copies that nobody committed, which are only reported', () => {
    const copy = aSnapshot(
      { snapshotId: 'snap-3', volumeId: 'vol-ffffffff' },
      {
        'holdfast:uncommitted': 'rp-1',
        'holdfast:encrypted-from': 'snap-1',
        'holdfast:workflow': 'encrypt-1',
      },
    );
    const { 'holdfast:recovery-point': _, ...tags } = copy.tags;
    const uncommitted = { ...copy, tags };
    const whole = [aSnapshot(), other];
    const existingOriginals = new Set(['snap-1']);
    expect(found({ snapshots: [...whole, uncommitted], existingOriginals })).toEqual([['snap-3', false]]);
    expect(found({ snapshots: [...whole, uncommitted], existingOriginals }, { 'encrypt-1': 'open' })).toEqual(
      [],
    );
    expect(found({ snapshots: [other, uncommitted] })).toContainEqual(['snap-3', false]);
    // Terminated between its marks and the end of its original: the one or the other is the point.
    expect(found({ snapshots: [...whole, copy], existingOriginals })).toEqual([['snap-3', false]]);
  });

  it('are none of a point of encrypted copies, which all say the same volume', () => {
    const stands = (snapshotId: string, from: string, volume: string) =>
      aSnapshot(
        { snapshotId, volumeId: 'vol-ffffffff' },
        { 'holdfast:encrypted-from': from, 'holdfast:source-volume': volume },
      );
    const copies = [stands('snap-3', 'snap-1', 'vol-1'), stands('snap-4', 'snap-2', 'vol-2')];
    expect(found({ snapshots: copies })).toEqual([]);
    expect(found({ snapshots: [aSnapshot(), ...copies] })).toEqual([]);
  });

  it('are those in error, with AWS’s reason', () => {
    const { orphans } = of({ snapshots: [inError, other] });
    expect(orphans[0]).toMatchObject({ resourceId: 'snap-1', removable: true });
    expect(orphans[0]?.reason).toContain('key disabled');
  });

  it('are those made twice, which a person must judge: somebody’s copy carries the same marks', () => {
    const later = aSnapshot({ snapshotId: 'snap-3', startedAt: NOW - 2 * DAY + 1 });
    const earlierButBad = aSnapshot({ snapshotId: 'snap-0', startedAt: NOW - 3 * DAY, state: 'error' });
    expect(found({ snapshots: [later, aSnapshot(), other, earlierButBad] })).toEqual([
      ['snap-0', false],
      ['snap-3', false],
    ]);
  });

  it('are second copies of one snapshot, not copies of two', () => {
    const copy = (snapshotId: string, source: string, startedAt = NOW - 2 * DAY) =>
      aSnapshot({ snapshotId, volumeId: 'vol-ffffffff', startedAt }, { 'holdfast:copy-of': source });
    expect(
      found({ snapshots: [copy('c-1', 's-1'), copy('c-2', 's-2'), copy('c-3', 's-2', NOW - 1.5 * DAY)] }),
    ).toEqual([['c-3', false]]);
  });

  it.each<[string, MarkedSnapshot]>([
    ['what an ended migration made on its way', staged()],
    ['one in error', inError],
  ])('are deleted only where nobody else carries their marks: %s', (_what, it) => {
    const alone = found({ snapshots: [it] });
    expect(alone).toContainEqual(['snap-1', true]);
    const copied = { ...it, snapshotId: 'snap-9', startedAt: it.startedAt + DAY / 2, state: 'completed' };
    const both = found({ snapshots: [it, copied] });
    expect(both).toContainEqual(['snap-1', false]);
    expect(both.filter(([, removable]) => removable)).toEqual([]);
    // Of what is too young to be judged itself.
    const young = { ...copied, startedAt: NOW };
    expect(found({ snapshots: [it, young] })).toContainEqual(['snap-1', false]);
  });

  const copied = { volumeId: 'vol-ffffffff' };
  it.each<[string, MarkedSnapshot]>([
    ['an image’s snapshot', { ...ofImage(), ...copied }],
    ['an uncommitted encrypted copy', uncommittedCopy()],
    ['a staging snapshot with its volume', staged(copied)],
  ])('are left to a person where they may be somebody’s copy with all marks: of %s', (_what, it) => {
    const { orphans } = of({ snapshots: [it], existingOriginals: new Set(['snap-0']) });
    expect(orphans).toMatchObject([{ resourceId: 'snap-1', removable: false }]);
    expect(orphans[0]?.reason).toContain('AWS says that it is a copy');
  });

  it('are left to a person where their marks name no volume, or another', () => {
    const { 'holdfast:source-volume': _, ...tags } = staged().tags;
    const reasons = of({
      snapshots: [{ ...staged(), tags }, staged({ snapshotId: 'snap-2', volumeId: 'vol-2' })],
    });
    expect(reasons.orphans).toMatchObject([
      { resourceId: 'snap-1', removable: false },
      { resourceId: 'snap-2', removable: false },
    ]);
    expect(reasons.orphans[0]?.reason).toContain('its marks name no volume');
    expect(reasons.orphans[1]?.reason).toContain('its marks name vol-1, and AWS says that it is of vol-2');
  });

  it('are of an image only by the words that EC2 itself writes, and of one image together', () => {
    expect(found({ snapshots: [{ ...ofImage(), description: 'before ami-0a' }] })).toEqual([]);
    const second = { ...ofImage(), ...copied, snapshotId: 'snap-2' };
    const { orphans } = of({ snapshots: [ofImage(), second] });
    expect(orphans[0]?.reason).toContain('snap-1, snap-2 carry the same marks');
  });

  it('are none of Holdfast’s where AWS says that somebody has copied them, and are named', () => {
    const copied = aSnapshot({ snapshotId: 'snap-9', volumeId: 'vol-ffffffff' });
    const { orphans } = of({ snapshots: [aSnapshot(), other, copied] });
    expect(orphans).toEqual([expect.objectContaining({ resourceId: 'snap-9', removable: false })]);
    expect(orphans[0]?.reason).toContain('AWS says that it is a copy');
  });

  it('may be the rest of a set, which a person must judge', () => {
    expect(found({ snapshots: [aSnapshot()] })).toEqual([['snap-1', false]]);
  });

  it.each<[string, Partial<MarkedSnapshot>, Record<string, string>]>([
    ['is a day old at most', { startedAt: NOW - DAY }, {}],
    ['is locked', { locked: true }, {}],
    ['is used by an image', { usedByImage: true }, {}],
    ['is on legal hold', {}, { 'holdfast:legal-hold:h': 'case 7' }],
    ['has another description: people copy tags', { description: 'nightly' }, {}],
    ['is AWS Backup’s', {}, { 'aws:backup:source-resource': 'x' }],
    ['is DLM’s', {}, { 'aws:dlm:lifecycle-policy-id': 'x' }],
  ])('are not what %s', (_what, more, tags) => {
    const it = aSnapshot({ state: 'error', ...more }, tags);
    expect(found({ snapshots: [it, other] })).not.toContainEqual(['snap-1', true]);
  });

  it('are not what an open workflow looks after', () => {
    expect(found({ snapshots: [inError, other] }, { [RUN]: 'open' })).toEqual([]);
    expect(found({ snapshots: [inError, other] }, { [RUN]: 'failed' })).toContainEqual(['snap-1', true]);
    expect(found({ snapshots: [staged()] }, { [MACHINE]: 'open' })).toEqual([]);
  });

  it('are what an ended migration made on its way', () => {
    expect(found({ snapshots: [staged()] })).toEqual([['snap-1', true]]);
  });

  it('are not what the next migration of the machine still needs', () => {
    expect(found({ snapshots: [staged()], markedMigrations: new Set(['mig-1']) })).toEqual([]);
  });

  it('are left to a person when the volume is gone: they may be all that is left of it', () => {
    expect(found({ snapshots: [staged()], existingVolumes: new Set() })).toEqual([['snap-1', false]]);
  });

  it('are those of an image that is deregistered, and not of one that is there', () => {
    const ofImage = aSnapshot({ description: 'Created by CreateImage(i-1) for ami-0a' });
    const tags = { 'holdfast:request': 'r', 'holdfast:run': 'x', 'holdfast:workflow': 'w' };
    const left = { ...ofImage, tags };
    expect(found({ snapshots: [left] })).toEqual([['snap-1', false]]);
    expect(found({ snapshots: [left] }, { w: 'open' })).toEqual([]);
    const image = { imageId: 'ami-0a', description: '', createdAt: 0, tags: {} };
    expect(found({ snapshots: [left], images: [image] })).toEqual([]);
  });
});

describe('orphans that a person must judge', () => {
  const volume = { volumeId: 'vol-1', attached: false, createdAt: NOW - 2 * DAY };

  it.each<[string, boolean, Record<string, string>, number]>([
    ['an original', true, { 'holdfast:original': 'mig-1 i-1 /dev/sda1 d' }, 1],
    ['a new volume that is attached to nothing', false, replacement(), 1],
    ['a new volume in use', true, replacement(), 0],
  ])('are volumes: %s', (_what, attached, tags, count) => {
    const facts = { volumes: [{ ...volume, attached, tags }] };
    expect(found(facts)).toEqual(count ? [['vol-1', false]] : []);
    expect(found({ ...facts, markedMigrations: new Set(['mig-1']) })).toEqual([]);
  });

  it('are images of runs that have failed', () => {
    const tags = { 'holdfast:request': 'r', 'holdfast:workflow': 'w' };
    const images = [{ imageId: 'ami-1', description: 'mine holdfast/r', createdAt: NOW - 2 * DAY, tags }];
    expect(found({ images }, { w: 'failed' })).toEqual([['ami-1', false]]);
    expect(found({ images }, { w: 'succeeded' })).toEqual([]);
    expect(found({ images }, {})).toEqual([]);
  });
});

describe('workflows to be asked for', () => {
  it('are those of suspects only', () => {
    const { all } = of({ snapshots: [aSnapshot(), other] });
    expect(makersToAsk(all)).toEqual([]);
    const suspects = [inError, other, staged({ snapshotId: 'snap-3' })];
    expect(makersToAsk({ ...all, snapshots: suspects })).toEqual([RUN, MACHINE]);
  });
});

function replacement(): Record<string, string> {
  return { 'holdfast:migration': 'mig-1', 'holdfast:replaces': 'vol-0' };
}
