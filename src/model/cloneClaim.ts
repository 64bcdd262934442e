import { MAX_CLONES } from './downtime';

/**
 * Before its stop, a migration claims its place among the volume copies of a region by a tag on each volume: EBS makes
 * five at a time for hours, and a machine that finds them taken after its stop would have been stopped for nothing.
 */
export interface CloneClaim {
  migrationId: string;
  /** Since when it has been waiting: the earliest goes first. */
  since: number;
  /** When its owner was last heard of. */
  renewed: number;
  granted: boolean;
}

/** Longer than from the grant to the copies; a claim whose owner is gone counts no longer. */
const LEASE_MS = 3600_000;

export interface CloneRoom {
  /** Volume copies that are in progress. */
  inProgress: number;
  /** One a volume that still waits for its copy. */
  claims: readonly CloneClaim[];
}

/** How many copies are left for a claim, once those in progress and whoever comes before it have theirs. */
export function freeClones({ inProgress, claims }: CloneRoom, own: CloneClaim, now: number): number {
  const ahead = claims.filter(
    (claim) =>
      claim.migrationId !== own.migrationId &&
      now - claim.renewed < LEASE_MS &&
      (claim.granted || isBefore(claim, own)),
  );
  return Math.max(0, MAX_CLONES - inProgress - ahead.length);
}

function isBefore(a: CloneClaim, b: CloneClaim): boolean {
  return a.since === b.since ? a.migrationId < b.migrationId : a.since < b.since;
}

/** Tag on a volume: `<migration id> <since> <renewed> <granted|waiting>`. */
export function formatCloneClaim({ migrationId, since, renewed, granted }: CloneClaim): string {
  return [migrationId, since, renewed, granted ? 'granted' : 'waiting'].join(' ');
}

export function parseCloneClaim(text: string): CloneClaim | undefined {
  const [migrationId, since, renewed, word] = text.split(' ');
  if (!migrationId || !/^\d+$/.test(since ?? '') || !/^\d+$/.test(renewed ?? '')) return undefined;
  if (word !== 'granted' && word !== 'waiting') return undefined;
  return { migrationId, since: Number(since), renewed: Number(renewed), granted: word === 'granted' };
}
