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
  /** The machine that the migration is of, and how many volumes it claims copies for. Claims of 0.1.0 do not say it. */
  of?: { holder: string; volumes: number };
}

/** Longer than from the grant to the copies; a claim whose owner is gone counts no longer. */
const LEASE_MS = 3600_000;
/** Clocks of workers do not differ by more: what was renewed later than that is forged. */
const SKEW_MS = 5 * 60_000;

/** A claim as it was found, on a volume that still waits for its copy. */
export interface FoundClaim extends CloneClaim {
  /** Machines that the volume is attached to. */
  attachedTo: readonly string[];
}

/** What a machine takes of the region's copies, if its migration is under way. */
export interface ClaimsOfMachine {
  instanceId: string;
  volumes: number;
}

/**
 * Who comes before a claim, those who have been granted theirs first. Copies of the tag count for nothing: a claim is
 * on a volume of the machine that it names, and a machine has no more claims than it says, of one migration at a time.
 */
export function claimsAhead(claims: readonly FoundClaim[], own: CloneClaim, now: number): ClaimsOfMachine[] {
  const machines = new Map<string, FoundClaim[]>();
  for (const claim of claims) {
    const holder = claim.of?.holder ?? claim.attachedTo[0];
    if (holder === undefined || !claim.attachedTo.includes(holder) || holder === own.of?.holder) continue;
    if (!isTimely(claim, now) || claim.migrationId === own.migrationId) continue;
    if (claim.granted || isBefore(claim, own)) machines.set(holder, [...(machines.get(holder) ?? []), claim]);
  }
  return [...machines]
    .map(([instanceId, found]) => {
      const newest = found.reduce((best, each) => (each.renewed > best.renewed ? each : best));
      const same = found.filter(({ migrationId }) => migrationId === newest.migrationId);
      const volumes = Math.min(same.length, newest.of?.volumes ?? same.length);
      return { instanceId, volumes, granted: newest.granted };
    })
    .sort((a, b) => Number(b.granted) - Number(a.granted))
    .map(({ instanceId, volumes }) => ({ instanceId, volumes }));
}

function isTimely({ since, renewed }: CloneClaim, now: number): boolean {
  return since <= renewed && renewed <= now + SKEW_MS && now - renewed < LEASE_MS;
}

/** How many copies are left, once those in progress and those who come before have theirs. */
export function freeClones(inProgress: number, ahead: readonly ClaimsOfMachine[]): number {
  return Math.max(0, MAX_CLONES - inProgress - ahead.reduce((sum, { volumes }) => sum + volumes, 0));
}

function isBefore(a: CloneClaim, b: CloneClaim): boolean {
  return a.since === b.since ? a.migrationId < b.migrationId : a.since < b.since;
}

/** Tag on a volume: `<migration id> <since> <renewed> <granted|waiting> <machine> <volumes>`. */
export function formatCloneClaim({ migrationId, since, renewed, granted, of }: CloneClaim): string {
  const whose = of ? [of.holder, of.volumes] : [];
  return [migrationId, since, renewed, granted ? 'granted' : 'waiting', ...whose].join(' ');
}

export function parseCloneClaim(text = ''): CloneClaim | undefined {
  const [migrationId, since, renewed, word, holder, volumes] = text.split(' ');
  if (!migrationId || !isNumber(since) || !isNumber(renewed)) return undefined;
  if (word !== 'granted' && word !== 'waiting') return undefined;
  if (holder !== undefined && !isNumber(volumes)) return undefined;
  return {
    migrationId,
    since: Number(since),
    renewed: Number(renewed),
    granted: word === 'granted',
    ...(holder !== undefined && { of: { holder, volumes: Number(volumes) } }),
  };
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}
