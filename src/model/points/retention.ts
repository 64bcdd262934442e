import { groupBy } from '../group';
import { Lineage, type PeriodStart } from './lineage';
import type { RecoveryPointSnapshot } from './recoveryPoint';

/** Why a point that is past its time stays. */
export type KeepReason =
  | 'not expired'
  | 'kept for ever'
  | 'among the newest of its lineage'
  | 'the first of its period'
  | 'legal hold'
  | 'a legal hold is being opened'
  | 'several snapshots claim to be it'
  | 'it is being restored from the archive'
  | 'locked'
  | 'an image uses it'
  | 'a copy of it is running'
  | 'not completed'
  | 'the newest point violates the RPO'
  | 'its policy is paused'
  | 'its policy cannot be read';

/** A snapshot with what AWS says of it now. */
export interface SnapshotNow extends RecoveryPointSnapshot {
  completed: boolean;
  locked: boolean;
  usedByImage: boolean;
  /** Or not certain. */
  copyRunning: boolean;
  /** False where its key is disabled, or gone, for certain: older points that can be read are worth more. */
  readable?: boolean;
  /** Somebody has asked for it back from the archive. */
  restoring?: boolean;
  /** All that claim to be it, where there are several: none of them is touched. */
  rivals?: string[];
  /** In the archive, or on its way there. */
  archived: boolean;
  /** False of what is left of a set. */
  whole?: boolean;
}

/** What is known of a policy now; policies that no longer exist are not listed. */
export interface PolicyNow {
  policyName: string;
  paused: boolean;
  rpoMs: number;
  /** What its Schedule carries is no policy of that name: nobody knows what it would say. */
  unreadable?: boolean;
}

export interface ExpiryDecision {
  expired: { recoveryPointId: string; snapshotIds: string[] }[];
  kept: KeptPoint[];
}

export interface KeptPoint {
  recoveryPointId: string;
  reason: KeepReason;
  /** Those that claim to be one, where that is the reason. */
  snapshotIds?: string[];
}

interface Facts {
  /** All of Holdfast's snapshots of one place (account and region): lineages are judged per place. */
  snapshots: readonly SnapshotNow[];
  policies: readonly PolicyNow[];
  /** A legal hold was opened a moment ago, and what it holds is not known yet. */
  holdUnknown?: boolean;
  /** Instances and volumes that still exist. */
  existingSources: ReadonlySet<string>;
  /** Sources whose backups in this place have ended, by {@link endedKey}: that they are late means nothing. */
  ended?: ReadonlySet<string>;
  /** Sources of which a person lets the last points go, where nothing is backed up of them here any more. */
  letGo?: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  now: number;
  /** When the period began that a moment is in (src/calendar). */
  periodStart: PeriodStart;
}

/**
 * Decides which recovery points of a place may go. A point is a set: it goes only when each of its snapshots may, and
 * the newest good points of every lineage never do, whatever their age.
 */
export function decideExpiry(asked: Facts): ExpiryDecision {
  const facts = { ...asked, snapshots: withWhole(asked.snapshots) };
  const lineages = new Map(
    [...groupBy(facts.snapshots, lineageKey)].map(([key, snapshots]) => [
      key,
      new Lineage(snapshots, facts.periodStart),
    ]),
  );
  const freshest = new Freshest(facts.snapshots);
  const decision: ExpiryDecision = { expired: [], kept: [] };
  for (const [recoveryPointId, set] of groupBy(facts.snapshots, (snapshot) => snapshot.recoveryPointId)) {
    const reason = firstReason(
      set.map((snapshot) => {
        const lineage = lineages.get(lineageKey(snapshot));
        return lineage && reasonToKeep(snapshot, lineage, { ...facts, freshest });
      }),
    );
    const rivals = set.flatMap((snapshot) => snapshot.rivals ?? []);
    if (reason === 'several snapshots claim to be it')
      decision.kept.push({ recoveryPointId, reason, snapshotIds: rivals });
    else if (reason) decision.kept.push({ recoveryPointId, reason });
    else decision.expired.push({ recoveryPointId, snapshotIds: set.map(({ snapshotId }) => snapshotId) });
  }
  return decision;
}

/** What is left of a set counts for nothing; what is incomplete by now was whole once. */
export function withWhole(snapshots: readonly SnapshotNow[]): SnapshotNow[] {
  const sets = groupBy(snapshots, ({ recoveryPointId }) => recoveryPointId);
  return snapshots.map((snapshot) => {
    const there = (sets.get(snapshot.recoveryPointId) ?? []).filter(({ completed }) => completed);
    return { ...snapshot, whole: there.length >= (snapshot.setSize ?? 1) };
  });
}

/** Overlapping policies each keep their own points. */
export function lineageKey({ policyName, lineage }: SnapshotNow): string {
  return `${policyName}|${lineage}`;
}

function firstReason(reasons: (KeepReason | undefined)[]): KeepReason | undefined {
  return reasons.find((reason) => reason !== undefined);
}

function reasonToKeep(
  snapshot: SnapshotNow,
  lineage: Lineage<SnapshotNow>,
  facts: Facts & { freshest: Freshest },
): KeepReason | undefined {
  if (snapshot.expiresAt === undefined) return 'kept for ever';
  if (snapshot.expiresAt > facts.now) return 'not expired';
  if (snapshot.legalHold) return 'legal hold';
  if (facts.holdUnknown) return 'a legal hold is being opened';
  if (snapshot.rivals) return 'several snapshots claim to be it';
  if (snapshot.locked) return 'locked';
  if (snapshot.usedByImage) return 'an image uses it';
  if (snapshot.restoring) return 'it is being restored from the archive';
  if (snapshot.copyRunning) return 'a copy of it is running';
  if (!snapshot.completed) return 'not completed';
  const { minKeep, retention } = snapshot;
  const isLetGo = facts.letGo?.has(snapshot.sourceId) && hasEnded(snapshot, facts);
  if (!isLetGo && lineage.rankOf(snapshot) < Math.max(1, minKeep, retention.count ?? 0))
    return 'among the newest of its lineage';
  if (lineage.isFirstOfItsPeriod(snapshot)) return 'the first of its period';
  return policyReason(snapshot, facts);
}

/**
 * While backups are failing, the old points are all there is. A vanished source, and one that is not backed up here any
 * more, has nothing left to protect.
 */
function policyReason(snapshot: SnapshotNow, facts: Facts & { freshest: Freshest }): KeepReason | undefined {
  const policy = facts.policies.find(({ policyName }) => policyName === snapshot.policyName);
  if (!policy) return undefined;
  if (policy.unreadable) return 'its policy cannot be read';
  if (policy.paused) return 'its policy is paused';
  if (!facts.existingSources.has(snapshot.sourceId) || facts.ended?.has(endedKey(snapshot))) return undefined;
  const isLate = facts.freshest.takenAt(snapshot) < facts.now - policy.rpoMs;
  return isLate ? 'the newest point violates the RPO' : undefined;
}

/** Whether nobody makes points of its source in this place any more, as far as is known. */
export function hasEnded(
  snapshot: SnapshotNow,
  { policies, existingSources, ended }: Pick<Facts, 'policies' | 'existingSources' | 'ended'>,
): boolean {
  const isThere = policies.some(({ policyName }) => policyName === snapshot.policyName);
  return !isThere || !existingSources.has(snapshot.sourceId) || (ended?.has(endedKey(snapshot)) ?? false);
}

/** What a policy leaves points of. */
export function endedKey({ policyName, sourceId }: SnapshotNow): string {
  return `${policyName}|${sourceId}`;
}

/**
 * When something was protected last: a machine whose disk was taken off is protected without it, and a volume is that with
 * whatever else it is a part of now.
 */
class Freshest {
  private readonly bySource = new Map<string, number>();
  /** By what the volume was a part of then. */
  private readonly byVolume = new Map<string, Map<string, number>>();

  constructor(snapshots: readonly SnapshotNow[]) {
    for (const snapshot of snapshots) {
      if (!snapshot.completed || snapshot.readable === false) continue;
      const { sourceId, takenAt } = snapshot;
      if (snapshot.whole !== false) note(this.bySource, endedKey(snapshot), takenAt);
      if (snapshot.volumeId === undefined) continue;
      const key = volumeKey(snapshot);
      const ofVolume = this.byVolume.get(key) ?? new Map<string, number>();
      this.byVolume.set(key, ofVolume);
      // Of other sources not all of a set may be known.
      note(ofVolume, sourceId, takenAt);
    }
  }

  /** Milliseconds since the epoch. */
  takenAt(snapshot: SnapshotNow): number {
    const elsewhere = [...(this.byVolume.get(volumeKey(snapshot)) ?? [])].filter(
      ([sourceId]) => sourceId !== snapshot.sourceId,
    );
    return Math.max(this.bySource.get(endedKey(snapshot)) ?? 0, ...elsewhere.map(([, takenAt]) => takenAt));
  }
}

function note(newest: Map<string, number>, key: string, takenAt: number): void {
  newest.set(key, Math.max(newest.get(key) ?? 0, takenAt));
}

function volumeKey({ policyName, volumeId = '' }: SnapshotNow): string {
  return `${policyName}|${volumeId}`;
}
