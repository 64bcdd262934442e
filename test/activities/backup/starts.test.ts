import type { KnownVolume } from '../../../src/activities/support/known';
import { type Item } from '../../../src/activities/backup/items';
import { PendingSlots } from '../../../src/activities/backup/pendingSlots';
import { refusalCountsMs, Starts, type Turn } from '../../../src/activities/backup/starts';
import { begin, enter, fail, hearOut } from '../../../src/model/backup/protection';
import { FAILURE } from '../../../src/model/failures';

const BEGAN = Date.UTC(2026, 0, 1);
const SETTINGS = { pollMs: 5_000, readLagMs: 15_000 };
const DUE_MS = BEGAN + 4 * 3_600_000;
const SPENT = { item: 'i-1', type: FAILURE.quotaExceeded, message: 'i-1 was not made' };

function named(name: string): Error {
  return Object.assign(new Error(`${name} says AWS`), { name });
}

function aVolume(VolumeId: string): KnownVolume {
  const facts = { State: 'in-use', AvailabilityZone: 'us-east-1a', VolumeType: 'gp3', Size: 8 } as const;
  return { VolumeId, ...facts, CreateTime: new Date(BEGAN) };
}

describe('who may start', () => {
  let at = BEGAN;
  const slots = () => new PendingSlots(refusalCountsMs(SETTINGS));
  beforeEach(() => {
    at = BEGAN;
    jest.spyOn(Date, 'now').mockImplementation(() => at);
  });
  afterEach(() => jest.restoreAllMocks());

  /** Units whose turn has come, each with so many volumes. */
  function units(count: number, volumes = 1): Item[] {
    return Array.from({ length: count }, (_, index) => ({
      now: {
        unit: { kind: 'instance' as const, resourceId: `i-${index}`, volumeIds: [] },
        recoveryPointId: `rp-${index}`,
        volumes: Array.from({ length: volumes }, (__, volume) => aVolume(`vol-${index}-${volume}`)),
        left: [],
      },
      state: hearOut(enter(false), BEGAN),
      own: { recorded: new Set<string>(), discarded: new Set<string>() },
    }));
  }

  function world(shared = slots(), { guests = Infinity, isSpent = false } = {}) {
    const forgotten: string[] = [];
    const room = {
      noteRefusal: () => (isSpent ? SPENT : undefined),
      forget: ({ now }: Item) => void forgotten.push(now.recoveryPointId),
    };
    const hooked = { has: () => guests < Infinity, canStart: () => guests > 0 };
    const starts = new Starts(shared, room, hooked, SETTINGS, DUE_MS);
    const take = (turns: readonly Turn[]) => {
      for (const { item, state } of turns) {
        item.state = state;
        starts.follow(item);
      }
      return turns.map(({ item }) => item.now.recoveryPointId);
    };
    /** What becomes of the first that may start when its call fails. */
    const refuse = (items: Item[], error: Error) => {
      const [turn] = starts.next(items);
      if (!turn) throw new Error('nobody may start');
      const state = starts.refused(turn.item, turn.state, error);
      turn.item.state = state;
      starts.follow(turn.item);
      return state;
    };
    return { starts, take, refuse, forgotten };
  }

  it('are five at a time, in their order, whose time has come', () => {
    const { starts, take } = world();
    const items = units(8);
    const [first] = items;
    if (first) first.state = hearOut(enter(false), BEGAN + 1);
    expect(take(starts.next(items))).toEqual(['rp-1', 'rp-2', 'rp-3', 'rp-4', 'rp-5']);
    expect(take(starts.next(items))).toEqual(['rp-6', 'rp-7']);
    at += 1;
    expect(take(starts.next(items))).toEqual(['rp-0']);
  });

  it('are no more than EBS takes, and a smaller one goes before one that has no room', () => {
    const { starts, take } = world();
    const items = [...units(3, 45), ...units(1, 10)];
    expect(take(starts.next(items))).toEqual(['rp-0', 'rp-1', 'rp-0']);
    expect(take(starts.next(items))).toEqual([]);
  });

  it('have room again when a set is over, and hold it while it is pending', () => {
    const { starts, take } = world();
    const items = units(3, 50);
    take(starts.next(items));
    const [first] = items;
    if (first?.state.step !== 'starting') throw new Error('it did not start');
    first.state = begin(first.state, { size: 50, created: true, seenAt: at });
    starts.follow(first);
    expect(take(starts.next(items))).toEqual([]);
    first.state = fail(first.state, SPENT);
    starts.follow(first);
    starts.follow(first);
    expect(take(starts.next(items))).toEqual(['rp-2']);
  });

  it('share the room with other pages of their place', () => {
    const shared = slots();
    const [one, other] = [world(shared), world(shared)];
    const first = units(1, 60);
    one.take(one.starts.next(first));
    expect(other.starts.next(units(1, 60))).toEqual([]);
    for (const item of first) one.starts.giveUp(item);
    expect(other.starts.next(units(1, 60))).toHaveLength(1);
  });

  it('is one alone where its set is larger than the whole room', () => {
    const { starts, take } = world();
    expect(take(starts.next(units(2, 120)))).toEqual(['rp-0']);
  });

  it('wait for a guest that has to be brought to rest first', () => {
    expect(world(slots(), { guests: 0 }).starts.next(units(1))).toEqual([]);
  });

  it('where EBS has no room: no more than were pending then, until a minute has passed', () => {
    const { starts, take, refuse } = world();
    const items = units(5, 10);
    take(starts.next(items.slice(0, 2)));
    const refused = refuse(items.slice(2), named('PendingSnapshotLimitExceeded'));
    expect(refused).toMatchObject({ step: 'waiting', nextAt: at + SETTINGS.pollMs });
    at += refusalCountsMs(SETTINGS);
    expect(take(starts.next(items))).toEqual([]);
    at += 1;
    expect(take(starts.next(items))).toEqual(['rp-2', 'rp-3', 'rp-4']);
  });

  const REFUSED = [
    ['RequestLimitExceeded', { step: 'waiting', nextAt: BEGAN + 5_000 }],
    ['SnapshotCreationPerVolumeRateExceeded', { step: 'waiting', nextAt: BEGAN + 15_000 }],
    ['InternalError', { step: 'unsure', nextAt: BEGAN + 15_000, looks: 2, trials: { failures: 1 } }],
    [
      'IncorrectState',
      { step: 'waiting', nextAt: BEGAN + 15_000, trials: { refusals: 1, movingSince: BEGAN } },
    ],
    ['UnauthorizedOperation', { step: 'over', end: { as: 'failed', failure: { item: 'i-0' } } }],
  ] as const;

  it.each(REFUSED)('a call that meets %s is answered by its kind', (name, expected) => {
    expect(world().refuse(units(1), named(name))).toMatchObject(expected);
  });

  it.each(['RequestLimitExceeded', 'PendingSnapshotLimitExceeded', 'SnapshotCreationPerVolumeRateExceeded'])(
    'a guest is not frozen again within a minute of %s',
    (name) => {
      const frozenAgain = { step: 'waiting', nextAt: BEGAN + refusalCountsMs(SETTINGS) };
      expect(world(slots(), { guests: 1 }).refuse(units(1), named(name))).toMatchObject(frozenAgain);
    },
  );

  it('what has waited for too long is given up, and waits for nothing any more', () => {
    const { refuse, forgotten } = world(slots(), { isSpent: true });
    const state = refuse(units(1), named('PendingSnapshotLimitExceeded'));
    expect(state).toEqual({ step: 'over', end: { as: 'failed', failure: SPENT } });
    expect(forgotten).toEqual(['rp-0']);
  });

  it('asks for a moment only where somebody waits, and never for this one', () => {
    const { starts, take } = world();
    const items = units(1);
    expect(starts.nextAt(items)).toBe(at + SETTINGS.pollMs / 5);
    take(starts.next(items));
    expect(starts.nextAt(items)).toBe(Infinity);
  });
});
