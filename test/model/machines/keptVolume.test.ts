import {
  formatKept,
  whyKept,
  KeptFacts,
  keptVolume,
  mayBeKept,
  nameInstead,
  type SeenVolume,
} from '../../../src/model/machines/keptVolume';

const seen = (
  volumeId: string,
  tags: Record<string, string> = {},
  attachedTo: string[] = [],
): SeenVolume => ({
  volumeId,
  state: attachedTo.length > 0 ? 'in-use' : 'available',
  attachedTo,
  tags: Object.fromEntries(Object.entries(tags).map(([key, value]) => [`holdfast:${key}`, value])),
});
const facts = (volumes: SeenVolume[], phase?: 'rest' | 'swap' | 'start' | 'soak', migrationId = 'mig-1') => {
  const known = new KeptFacts();
  for (const volume of volumes) known.add(volume);
  if (phase) known.machines.set('i-1', { migrationId, phase });
  return known;
};

/** As 0.1.0 marks an original of a machine, and as it is marked since. */
const OLD = 'mig-1 i-1 /dev/xvda d';
const NAMED = `${OLD} vol-b`;
const NEW = { migration: 'mig-1', replaces: 'vol-a' };
const original = (mark: string, attachedTo: string[] = []) => seen('vol-a', { original: mark }, attachedTo);
const made = (volumeId = 'vol-b', attachedTo: string[] = []) => seen(volumeId, NEW, attachedTo);

describe('an original', () => {
  it.each<[string, SeenVolume, SeenVolume[], string | undefined]>([
    ['in soak', original(OLD), [made('vol-b', ['i-1'])], 'vol-b'],
    ['in soak, that names what replaced it', original(NAMED), [made('vol-b', ['i-1'])], 'vol-b'],
    ['whose new volume somebody has detached', original(NAMED), [made()], 'vol-b'],
    ['that is attached', original(NAMED, ['i-1']), [made()], undefined],
    ['that nothing names', original(NAMED), [], undefined],
    ['that another volume names than it names', original(NAMED), [made('vol-c', ['i-1'])], undefined],
    [
      'that a copy of its new volume names too',
      original(NAMED),
      [made('vol-c'), made('vol-b', ['i-1'])],
      'vol-b',
    ],
    ['of 0.1.0, that a copy names too', original(OLD), [made('vol-c'), made('vol-b', ['i-1'])], 'vol-b'],
    [
      'of 0.1.0, that two name and the machine has neither',
      original(OLD),
      [made('vol-c'), made()],
      undefined,
    ],
    [
      'of another migration than the volume that names it',
      original(NAMED),
      [seen('vol-b', { ...NEW, migration: 'mig-2' }, ['i-1'])],
      undefined,
    ],
    ['whose new volume is broken', original(NAMED), [{ ...made(), state: 'error' }], undefined],
    ['with a mark that is none', original('mig-1'), [made('vol-b', ['i-1'])], undefined],
    ['that was attached to nothing, in soak', original('mig-1 vol-a soak - vol-b'), [made()], 'vol-b'],
    ['that was attached to nothing, of 0.1.0', original('mig-1 vol-a soak -'), [made()], 'vol-b'],
    ['that was attached to nothing, before soak', original('mig-1 vol-a swap -'), [made()], undefined],
    [
      'whose mark names another volume',
      seen('vol-x', { original: 'mig-1 vol-a soak -' }),
      [made()],
      undefined,
    ],
  ])('%s', (_, volume, others, usedInstead) => {
    const kept = keptVolume(volume, facts([volume, ...others]));
    expect(kept?.usedInstead).toBe(usedInstead);
    if (kept) expect(kept.kind).toBe('original');
  });
});

describe('a new volume', () => {
  it.each<[string, SeenVolume, SeenVolume[], Parameters<typeof facts>[1], boolean]>([
    ['before the swap', made(), [original(OLD, ['i-1'])], 'swap', true],
    ['that its original names, before the swap', made(), [original(NAMED, ['i-1'])], 'swap', true],
    ['in the swap, with nothing attached', made(), [original(NAMED)], 'swap', true],
    ['that somebody has detached in soak', made(), [original(NAMED)], 'soak', false],
    ['that is being made', { ...made(), state: 'creating' }, [original(OLD, ['i-1'])], 'swap', true],
    ['that is attached', made('vol-b', ['i-1']), [original(NAMED)], 'soak', false],
    ['a copy of it, before the swap', made('vol-c'), [original(NAMED, ['i-1']), made()], 'swap', false],
    ['a copy of it, of 0.1.0', made('vol-c'), [original(OLD, ['i-1']), made()], 'swap', false],
    ['a copy of it, in soak', made('vol-c'), [original(OLD), made('vol-b', ['i-1'])], 'soak', false],
    ['whose original carries no mark', made(), [seen('vol-a', {}, ['i-1'])], 'swap', false],
    ['whose original is gone', made(), [], 'soak', false],
    ['whose original is on another machine', made(), [original(NAMED, ['i-2'])], 'soak', false],
    ['for one that is attached to nothing', made(), [original('mig-1 vol-a swap -')], undefined, true],
    [
      'for one that is attached to nothing, in soak',
      made(),
      [original('mig-1 vol-a soak -')],
      undefined,
      false,
    ],
  ])('%s', (_, volume, others, phase, isKept) => {
    const kept = keptVolume(volume, facts([volume, ...others], phase));
    expect(kept?.kind).toBe(isKept ? 'new' : undefined);
  });

  it('of a machine that another migration has marked is not kept in its swap', () => {
    expect(keptVolume(made(), facts([made(), original(NAMED)], 'swap', 'mig-2'))).toBeUndefined();
  });

  it('that stayed when its migration was over names itself, and a copy of it does not', () => {
    const tags = { kept: formatKept('mig-1', 'vol-b'), replaces: 'vol-a' };
    const kept = keptVolume(seen('vol-b', tags), facts([]));
    expect(kept).toMatchObject({ kind: 'new', migrationId: 'mig-1', usedInstead: 'vol-a' });
    expect(kept && whyKept(kept)).toBe('mig-1 has made it, and vol-a is used instead');
    expect(keptVolume(seen('vol-c', tags), facts([]))).toBeUndefined();
    expect(keptVolume(seen('vol-b', tags, ['i-1']), facts([]))).toBeUndefined();
  });
});

describe('a volume', () => {
  it.each([
    [seen('vol-a', { original: OLD }), true],
    [seen('vol-a', { original: OLD }, ['i-1']), false],
    [seen('vol-a', { migration: 'mig-1' }), false],
    [seen('vol-a'), false],
  ])('%j asks for others: %s', (volume, asks) => {
    expect(mayBeKept(volume)).toBe(asks);
  });

  it('that was named by its id is told what to name instead', () => {
    const kept = keptVolume(original(OLD), facts([original(OLD), made('vol-b', ['i-1'])]));
    expect(kept && nameInstead(kept)).toBe(
      'vol-a is not selected: mig-1 has replaced it by vol-b on i-1, and keeps it until its commit; name vol-b instead',
    );
  });
});
