import { periodStart } from '../../../src/calendar/calendar';
import type { RetentionTerms } from '../../../src/model/points/retentionTerms';
import {
  decideExpiry,
  type KeepReason,
  type PolicyNow,
  type SnapshotNow,
} from '../../../src/model/points/retention';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 100 * DAY;

/** A completed snapshot of policy `p`, `days` old, long expired, that nothing else holds. */
function old(days: number, more: Partial<SnapshotNow> = {}): SnapshotNow {
  return {
    snapshotId: `snap-${days}-${more.lineage ?? 'i-1:/dev/sda1'}`,
    recoveryPointId: `rp-${days}`,
    policyName: 'p',
    takenAt: NOW - days * DAY,
    expiresAt: NOW - 1,
    lineage: 'i-1:/dev/sda1',
    sourceId: 'i-1',
    minKeep: 3,
    rpoMs: 5 * HOUR,
    retention: {},
    timezone: 'UTC',
    legalHold: false,
    copyPlaces: [],
    completed: true,
    locked: false,
    usedByImage: false,
    copyRunning: false,
    archived: false,
    ...more,
  };
}

const ACTIVE: PolicyNow = { policyName: 'p', paused: false, rpoMs: 2 * DAY };

function decide(
  snapshots: SnapshotNow[],
  {
    policies = [ACTIVE],
    existing = ['i-1'],
    ended = [],
  }: { policies?: PolicyNow[]; existing?: string[]; ended?: string[] } = {},
) {
  const { expired, kept } = decideExpiry({
    snapshots,
    policies,
    existingSources: new Set(existing),
    ended: new Set(ended),
    now: NOW,
    periodStart,
  });
  return {
    expired: expired.map(({ recoveryPointId }) => recoveryPointId),
    kept: Object.fromEntries(kept.map(({ recoveryPointId, reason }) => [recoveryPointId, reason])) as Record<
      string,
      KeepReason
    >,
  };
}

describe('decideExpiry', () => {
  it('counts nothing on what is left of a set, and lets it go after as many good points as must stay', () => {
    const half = (days: number) => old(days, { setSize: 2 });
    // Of the newest three, two are halves: the good ones count.
    const { expired, kept } = decide([half(1), old(2), half(3), old(4), old(5), half(6), old(7)]);
    expect(expired).toEqual(['rp-6', 'rp-7']);
    expect(Object.keys(kept)).toEqual(['rp-1', 'rp-2', 'rp-3', 'rp-4', 'rp-5']);
  });

  it.each<[KeepReason, Partial<SnapshotNow>]>([
    ['several snapshots claim to be it', { rivals: ['snap-1', 'snap-2'] }],
    ['it is being restored from the archive', { restoring: true }],
  ])('keeps it because: %s', (reason, more) => {
    expect(decide([old(1), old(2), old(3), old(9, more)]).kept['rp-9']).toBe(reason);
  });

  it('lets what is past its time go, and keeps the newest minKeep whatever their age', () => {
    const { expired, kept } = decide([old(1), old(2), old(3), old(4), old(5)]);
    expect(expired).toEqual(['rp-4', 'rp-5']);
    expect(kept).toEqual({
      'rp-1': 'among the newest of its lineage',
      'rp-2': 'among the newest of its lineage',
      'rp-3': 'among the newest of its lineage',
    });
  });

  it.each<[string, Partial<SnapshotNow>, KeepReason]>([
    ['not expired', { expiresAt: NOW + 1 }, 'not expired'],
    ['kept for ever', { expiresAt: undefined }, 'kept for ever'],
    ['on legal hold', { legalHold: true }, 'legal hold'],
    ['locked', { locked: true }, 'locked'],
    ['used by an image', { usedByImage: true }, 'an image uses it'],
    ['being copied', { copyRunning: true }, 'a copy of it is running'],
    ['pending or in error', { completed: false }, 'not completed'],
  ])('keeps a point that is %s', (_, held, reason) => {
    const { expired, kept } = decide([old(1), old(2), old(3), old(9, held), old(10)]);
    expect(kept['rp-9']).toBe(reason);
    expect(expired).toEqual(['rp-10']);
  });

  it('keeps the newest good one even when its terms ask for none', () => {
    expect(decide([old(9, { minKeep: 0 }), old(10, { minKeep: 0 })], { policies: [] }).expired).toEqual([
      'rp-10',
    ]);
  });

  it('counts only completed points among the newest', () => {
    const broken = [old(1, { completed: false }), old(2, { completed: false })];
    expect(decide([...broken, old(3), old(4), old(5), old(6)], { policies: [] }).expired).toEqual(['rp-6']);
  });

  it('stops deleting while the newest completed point violates the RPO', () => {
    const late = [old(3), old(4), old(5), old(6)];
    expect(decide(late).kept['rp-6']).toBe('the newest point violates the RPO');
    expect(decide([old(1), ...late]).expired).toEqual(['rp-5', 'rp-6']);
  });

  it('stops no deletion for a disk that the machine has lost: the machine itself is protected', () => {
    const both = (days: number) => [old(days), old(days, { lineage: 'i-1:/dev/sdf', volumeId: 'vol-2' })];
    const points = [old(1), old(2), old(3), ...[10, 11, 12, 13, 14].flatMap(both)];
    expect(decide(points).expired).toEqual(['rp-13', 'rp-14']);
    expect(decide(points.slice(3)).expired).toEqual([]);
  });

  it('stops none for a volume that is protected with a machine by now, and stops them when that fails', () => {
    const alone = [10, 11, 12, 13].map((days) =>
      old(days, { lineage: 'vol-2', volumeId: 'vol-2', sourceId: 'vol-2' }),
    );
    const attached = (days: number) => old(days, { lineage: 'i-1:/dev/sdf', volumeId: 'vol-2' });
    const existing = ['i-1', 'vol-2'];
    expect(decide([attached(1), ...alone], { existing }).expired).toEqual(['rp-13']);
    expect(decide([attached(3), ...alone], { existing }).expired).toEqual([]);
    expect(decide([{ ...attached(1), completed: false }, ...alone], { existing }).expired).toEqual([]);
  });

  it('stops none where backups have ended, and keeps the last points', () => {
    const late = [old(30), old(40), old(50), old(60)];
    expect(decide(late).expired).toEqual([]);
    expect(decide(late, { ended: ['q|i-1', 'p|i-2'] }).expired).toEqual([]);
    expect(decide(late, { ended: ['p|i-1'] }).expired).toEqual(['rp-60']);
    const paused = [{ ...ACTIVE, paused: true }];
    expect(decide(late, { ended: ['p|i-1'], policies: paused }).expired).toEqual([]);
  });

  it('is late for what is left of sets, and for what cannot be read', () => {
    const half = old(1, { setSize: 2 });
    expect(decide([half, old(3), old(4), old(5), old(6)]).expired).toEqual([]);
    expect(decide([old(1, { readable: false }), old(3), old(4), old(5), old(6)]).expired).toEqual([]);
  });

  it('goes on expiring what belongs to a vanished source or a deleted policy', () => {
    const late = [old(30), old(40), old(50), old(60)];
    expect(decide(late, { existing: [] }).expired).toEqual(['rp-60']);
    expect(decide(late, { policies: [] }).expired).toEqual(['rp-60']);
  });

  it('deletes nothing of a paused policy', () => {
    const points = [old(1), old(2), old(3), old(4)];
    expect(decide(points, { policies: [{ ...ACTIVE, paused: true }] }).kept['rp-4']).toBe(
      'its policy is paused',
    );
  });

  it('expires a set as a whole: one held snapshot keeps all of it', () => {
    const data = { lineage: 'i-1:/dev/sdf' };
    const sets = [1, 2, 3, 4, 5].flatMap((days) => [old(days), old(days, data)]);
    const held = sets.map((snapshot) =>
      snapshot.snapshotId === 'snap-5-i-1:/dev/sdf' ? { ...snapshot, locked: true } : snapshot,
    );
    expect(decide(held)).toMatchObject({ expired: ['rp-4'], kept: { 'rp-5': 'locked' } });
  });

  it('judges each policy and each lineage by itself', () => {
    const mine = [old(1), old(2), old(3), old(4)];
    const theirs = [5, 6, 7].map((days) => old(days, { policyName: 'q' }));
    const other = [8, 9, 10].map((days) => old(days, { lineage: 'vol-2', sourceId: 'vol-2' }));
    expect(decide([...mine, ...theirs, ...other], { policies: [ACTIVE] }).expired).toEqual(['rp-4']);
  });

  describe('by count and calendar', () => {
    const at = (iso: string, retention: RetentionTerms, timezone = 'UTC') => {
      const takenAt = Date.parse(iso);
      return old(0, {
        snapshotId: iso,
        recoveryPointId: iso,
        takenAt,
        expiresAt: NOW - 1,
        minKeep: 1,
        retention,
        timezone,
      });
    };
    const keptOf = (snapshots: SnapshotNow[]) => Object.keys(decide(snapshots, { policies: [] }).kept).sort();

    it('keeps the newest so many, whatever their age', () => {
      const points = [1, 2, 3, 4, 5].map((days) => old(days, { minKeep: 1, retention: { count: 4 } }));
      expect(decide(points).expired).toEqual(['rp-5']);
    });

    it('keeps the first of each of the last so many days that have points', () => {
      const days = ['2026-03-01', '2026-03-02', '2026-03-09'];
      const points = days.flatMap((day) => [
        at(`${day}T06:00Z`, { daily: 2 }),
        at(`${day}T18:00Z`, { daily: 2 }),
      ]);
      expect(keptOf(points)).toEqual(['2026-03-02T06:00Z', '2026-03-09T06:00Z', '2026-03-09T18:00Z']);
    });

    it('keeps by week, month and year at once: a point stays as long as one of them keeps it', () => {
      const terms = { weekly: 1, monthly: 2, yearly: 2 };
      const points = ['2025-01-01', '2025-07-01', '2026-01-01', '2026-02-01', '2026-02-23', '2026-02-24'];
      const kept = ['2025-01-01', '2026-01-01', '2026-02-01', '2026-02-23', '2026-02-24'];
      expect(keptOf(points.map((day) => at(`${day}T00:00Z`, terms)))).toEqual(
        kept.map((day) => `${day}T00:00Z`),
      );
    });

    it('reckons days in the timezone of the policy, also across a change of the clocks', () => {
      // Berlin's 29 March 2026 begins at 23:00 UTC the day before, and has 23 hours.
      const hours = ['2026-03-28T22:30Z', '2026-03-28T23:30Z', '2026-03-29T21:30Z', '2026-03-29T22:30Z'];
      const kept = (timezone: string) => keptOf(hours.map((hour) => at(hour, { daily: 9 }, timezone)));
      expect(kept('Europe/Berlin')).toEqual(['2026-03-28T22:30Z', '2026-03-28T23:30Z', '2026-03-29T22:30Z']);
      expect(kept('UTC')).toEqual(['2026-03-28T22:30Z', '2026-03-29T21:30Z', '2026-03-29T22:30Z']);
    });

    it('goes by the slot: jitter and long runs carry snapshots over the end of a day', () => {
      const slots = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04'];
      const minutesLate = [2, 25, 4, 12];
      const points = slots.map((day, index) => {
        const slotMs = Date.parse(`${day}T23:50Z`);
        const takenAt = slotMs + (minutesLate[index] ?? 0) * 60_000;
        return { ...at(`${day}T23:50Z`, { daily: 4 }), takenAt, slotMs, rpoMs: 26 * HOUR };
      });
      expect(keptOf(points)).toHaveLength(4);
      const onFirst = (point: SnapshotNow) => ({ ...point, retention: { monthly: 2 } });
      const months = ['2026-01-31', '2026-02-28'].map((day) => {
        const slotMs = Date.parse(`${day}T23:50Z`);
        return onFirst({ ...at(`${day}T23:50Z`, {}), slotMs, takenAt: slotMs + 20 * 60_000, rpoMs: DAY });
      });
      expect(keptOf([...months, onFirst(at('2026-02-10T00:00Z', {}))])).toEqual([
        '2026-01-31T23:50Z',
        '2026-02-10T00:00Z',
        '2026-02-28T23:50Z',
      ]);
    });

    it('goes by the moment where a slot was made up for later, and where its tag says a later one', () => {
      const taken = { ...at('2026-03-09T06:00Z', { daily: 1 }), rpoMs: 2 * HOUR };
      const backfilled = { ...taken, slotMs: Date.parse('2026-03-02T06:00Z'), recoveryPointId: 'backfilled' };
      const early = { ...taken, slotMs: taken.takenAt + DAY, recoveryPointId: 'early' };
      const slotBefore = Date.parse('2026-03-08T06:00Z');
      const caughtUp = { ...taken, slotMs: slotBefore, rpoMs: 2 * DAY, recoveryPointId: 'caught up' };
      for (const odd of [backfilled, early, caughtUp]) {
        const later = at('2026-03-09T08:00Z', { daily: 1 });
        const newest = at('2026-03-09T09:00Z', { daily: 1 });
        const { kept, expired } = decide([odd, later, newest], { policies: [] });
        expect(kept[odd.recoveryPointId]).toBe('the first of its period');
        expect(expired).toEqual([later.recoveryPointId]);
      }
    });

    it('counts periods from the newest, also where a late one was taken after the next slot', () => {
      const lateOne = {
        ...at('2026-03-02T00:30Z', { daily: 2 }),
        slotMs: Date.parse('2026-03-01T23:50Z'),
        rpoMs: 2 * DAY,
      };
      const before = at('2026-03-02T00:10Z', { daily: 2 });
      const next = at('2026-03-03T00:10Z', { daily: 2 });
      expect(keptOf([lateOne, before, next])).toEqual(['2026-03-02T00:10Z', '2026-03-03T00:10Z']);
    });

    it('counts no point that is not complete as the first of its day', () => {
      const broken = { ...at('2026-03-01T01:00Z', { daily: 1 }), completed: false };
      const points = [broken, at('2026-03-01T02:00Z', { daily: 1 }), at('2026-03-01T03:00Z', { daily: 1 })];
      expect(decide(points, { policies: [] }).expired).toEqual([]);
    });

    it('still keeps by age beside', () => {
      const young = old(2, { expiresAt: NOW + 1, retention: { count: 1 } });
      expect(decide([old(1, { minKeep: 1, retention: { count: 1 } }), young]).kept['rp-2']).toBe(
        'not expired',
      );
    });
  });
});
