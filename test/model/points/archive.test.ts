import { periodStart } from '../../../src/calendar/calendar';
import { decideArchival } from '../../../src/model/points/archival';
import {
  archiveProblem,
  formatArchive,
  parseArchive,
  pays,
  type Archive,
} from '../../../src/model/points/archive';
import type { SnapshotNow } from '../../../src/model/points/retention';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-15T00:00:00Z');
const archive: Archive = { after: '30d', every: 'month', dailyChange: 0.05 };

/** The snapshot that a policy made on this day, at midnight. */
function taken(date: string, more: Partial<SnapshotNow> = {}): SnapshotNow {
  return {
    snapshotId: `snap-${date}`,
    recoveryPointId: `rp-${date}`,
    policyName: 'p',
    takenAt: Date.parse(`${date}T00:00:00Z`),
    lineage: 'vol-1',
    sourceId: 'vol-1',
    minKeep: 1,
    rpoMs: DAY,
    retention: {},
    archive,
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

const monthly = (more: Partial<SnapshotNow> = {}) =>
  ['2026-06-01', '2026-07-01', '2026-08-01', '2026-09-01', '2026-10-01', '2026-11-01'].map((date) =>
    taken(date, more),
  );
const archived = (snapshots: SnapshotNow[]) =>
  decideArchival({ snapshots, now: NOW, periodStart }).map(({ recoveryPointId }) => recoveryPointId.slice(3));

describe('archiving', () => {
  it('takes the first points of their months, once they are old enough', () => {
    const between = [taken('2026-08-20'), taken('2026-09-20')];
    expect(archived([...monthly(), ...between])).toEqual([
      '2026-06-01',
      '2026-07-01',
      '2026-08-01',
      '2026-09-01',
      '2026-10-01',
    ]);
  });

  it('leaves points whose neighbours share their blocks: a full snapshot would cost more', () => {
    const weeks = Array.from({ length: 20 }, (_, week) =>
      taken(new Date(Date.parse('2026-06-01') + week * 7 * DAY).toISOString().slice(0, 10)),
    );
    // The oldest shares blocks with one neighbour only.
    expect(archived(weeks)).toEqual(['2026-06-01']);
  });

  it.each<[string, Partial<SnapshotNow>]>([
    ['without terms', { archive: undefined }],
    ['that an image uses', { usedByImage: true }],
    ['that is being copied', { copyRunning: true }],
    ['that is not completed', { completed: false }],
    ['that is in the archive', { archived: true }],
    ['that expires within 90 days', { expiresAt: NOW + 89 * DAY }],
    ['among those that a recovery wants at once', { minKeep: 6 }],
    ['where little is written', { archive: { ...archive, dailyChange: 0.005 } }],
  ])('leaves a point %s', (_what, more) => {
    expect(archived(monthly(more))).toEqual([]);
  });

  it('takes points on legal hold and locked ones: they stay as safe as they were', () => {
    expect(archived(monthly({ legalHold: true, locked: true }))).toHaveLength(5);
  });

  it('reckons with the calendar that keeps a point longer than its age', () => {
    const expired = { expiresAt: NOW - DAY };
    expect(archived(monthly({ ...expired, retention: { monthly: 12 } }))).toHaveLength(5);
    // Only so many months that the older ones are gone within 90 days.
    expect(archived(monthly({ ...expired, retention: { monthly: 6 } }))).toEqual([
      '2026-08-01',
      '2026-09-01',
      '2026-10-01',
    ]);
  });

  it('stops at the most that EBS, or the policy, allows a volume', () => {
    const few = monthly({ archive: { ...archive, atMost: 3 } });
    expect(archived(few)).toHaveLength(3);
    const full = Array.from({ length: 25 }, (_, index) =>
      taken(`20${index < 10 ? '0' : ''}${index}-01-01`, { archived: true }),
    );
    expect(archived([...full, ...monthly()])).toEqual([]);
  });

  it('takes a set as a whole, or not at all', () => {
    const other = monthly({ lineage: 'vol-2' }).map((each) => ({
      ...each,
      snapshotId: `${each.snapshotId}-2`,
    }));
    const [first] = other;
    if (first) first.usedByImage = true;
    expect(archived([...monthly(), ...other])).toEqual([
      '2026-07-01',
      '2026-08-01',
      '2026-09-01',
      '2026-10-01',
    ]);
  });

  it('breaks even where a quarter of the blocks are freed', () => {
    const gain = { archive, daysLeft: Infinity };
    // 1 - e^(-0.05 · 13.86) is a half, and a half of a half is the quarter that the archive costs.
    expect(pays({ ...gain, daysBefore: 13.8, daysAfter: 13.8 })).toBe(false);
    expect(pays({ ...gain, daysBefore: 13.9, daysAfter: 13.9 })).toBe(true);
    // 90 days are paid for at least.
    expect(pays({ ...gain, daysBefore: 14, daysAfter: 14, daysLeft: 60 })).toBe(false);
  });

  it.each([
    ['30d', 'no point is left'],
    ['119d', 'no point is left'],
    ['forever', 'ever more archived snapshots'],
    ['4y', 'makes 48 archived snapshots'],
  ])('does not go with a retention of %s', (keep, message) => {
    expect(archiveProblem(archive, { keep })).toContain(message);
  });

  it.each<[Partial<Archive>, string]>([
    [{}, '1y'],
    [{ every: 'year' }, '20y'],
    [{ atMost: 25 }, 'forever'],
  ])('%j goes with a retention of %s', (more, keep) => {
    expect(archiveProblem({ ...archive, ...more }, { keep })).toBeUndefined();
  });

  it('survives the tags', () => {
    const terms = { ...archive, atMost: 12 };
    expect(parseArchive(`minKeep=3 rpo=1 ${formatArchive(terms)} zone=UTC`)).toEqual(terms);
    expect(parseArchive(formatArchive(archive))).toEqual(archive);
    expect(parseArchive('minKeep=3 archive=soon')).toBeUndefined();
  });
});
