import { isUncommitted } from '../encryption/snapshots/encryptedCopy';
import { groupBy } from '../group';
import { workflowIds, type CopiedSlot, isVolumeId } from '../ids';
import { imageInDescription } from '../images/image';
import { ownDescription, TAG } from '../names';
import { claimsOf, volumeOf } from '../points/pointClaims';
import { encryptedThing, imageThing, isOfImage, isStaged, stagedThing, unproven } from './orphanMarks';
import { isHeld } from '../points/recoveryPoint';
import { otherOwner } from '../points/snapshotOwner';
import type { Target } from '../target';

/** What is younger may still be somebody's work, or not show everywhere yet. */
const GRACE_MS = 86_400_000;

/** Something with Holdfast's marks that no workflow looks after any more. */
export interface Orphan {
  kind: 'snapshot' | 'volume' | 'image' | 'share' | 'points';
  /** Of `points` what they are of. */
  resourceId: string;
  reason: string;
  /** False where a person must judge: it may hold the only data left. */
  removable: boolean;
}

/** What a terminated copy job let a vault see, and did not take back. */
export interface AbandonedShare {
  /** Of the job. */
  workflowId: string;
  job: CopiedSlot;
  /** The vault's account. */
  partner: string;
  grantName: string;
  /** Still shared. */
  snapshots: number;
  /** Still granted. */
  kmsKeyIds: string[];
}

export interface MarkedSnapshot {
  snapshotId: string;
  volumeId: string;
  description: string;
  state: string;
  stateMessage?: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  tags: Readonly<Record<string, string>>;
  locked: boolean;
  usedByImage: boolean;
}

export interface MarkedVolume {
  volumeId: string;
  attached: boolean;
  createdAt: number;
  tags: Readonly<Record<string, string>>;
}

export interface MarkedImage {
  imageId: string;
  description: string;
  createdAt: number;
  tags: Readonly<Record<string, string>>;
}

/** How a workflow stands; `unknown` is one that Temporal has forgotten. */
export type MakerState = 'open' | 'succeeded' | 'failed' | 'unknown';

export interface OrphanFacts {
  target: Target;
  snapshots: readonly MarkedSnapshot[];
  volumes: readonly MarkedVolume[];
  images: readonly MarkedImage[];
  /** Ids of the migrations whose machines still carry their mark: the next run finishes them or puts them back. */
  markedMigrations: ReadonlySet<string>;
  /** Of the volumes that the snapshots are of: those that are there. */
  existingVolumes: ReadonlySet<string>;
  /** Of the snapshots that uncommitted copies are of: those that are there. */
  existingOriginals: ReadonlySet<string>;
  makers: Pick<ReadonlyMap<string, MakerState>, 'get'>;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Workflows that may look after what would be orphans otherwise: only they have to be asked for. */
export function makersToAsk(facts: Omit<OrphanFacts, 'makers'>): string[] {
  const suspects = decideOrphans({ ...facts, makers: { get: () => 'failed' } });
  const ids = new Set(suspects.map(({ resourceId }) => resourceId));
  const makers = [
    ...facts.snapshots.filter(({ snapshotId }) => ids.has(snapshotId)),
    ...facts.volumes.filter(({ volumeId }) => ids.has(volumeId)),
    ...facts.images.filter(({ imageId }) => ids.has(imageId)),
  ];
  return [...new Set(makers.flatMap(({ tags }) => makerOf(facts.target, tags) ?? []))];
}

function makerOf(target: Target, tags: MarkedSnapshot['tags']): string | undefined {
  const machine = tags[TAG.sourceInstance] ?? tags[TAG.original]?.split(' ')[1];
  const holder = machine && (tags[TAG.migration] ?? tags[TAG.original]) ? machine : undefined;
  if (holder) return workflowIds[isVolumeId(holder) ? 'volume' : 'machine'](target, holder);
  return tags[TAG.workflow];
}

/** What crashed and terminated runs left behind. */
export function decideOrphans(facts: OrphanFacts): Orphan[] {
  return [...snapshotOrphans(facts), ...volumeOrphans(facts), ...imageOrphans(facts)];
}

function isOpen({ target, makers }: OrphanFacts, tags: MarkedSnapshot['tags']): boolean {
  return makers.get(makerOf(target, tags) ?? '') === 'open';
}

function snapshotOrphans(facts: OrphanFacts): Orphan[] {
  const replaced = new Set(
    facts.snapshots.flatMap(({ tags }) => (tags[TAG.recoveryPoint] && tags[TAG.encryptedFrom]) ?? []),
  );
  const loose = new Set(
    facts.snapshots.filter((each) => isLoose(facts, each)).map(({ snapshotId }) => snapshotId),
  );
  // While a commit is under way, its encrypted copy is no second one. Who claims the same is asked of all: also of the young.
  const marked = facts.snapshots.filter((each) => isOfPoint(each) && !replaced.has(each.snapshotId));
  const { rivals, strangers } = claimsOf(marked);
  const why = new Map(strangers.map((each) => [each.snapshotId, each.why]));
  const claimed = new Map([...rivals.values()].flatMap((ids) => ids.map((id) => [id, ids] as const)));
  const points = marked.filter((each) => loose.has(each.snapshotId));
  const own = points.filter(({ snapshotId }) => !why.has(snapshotId));
  return [
    ...points.flatMap(({ snapshotId }) => notOurs(snapshotId, why.get(snapshotId))),
    ...own.flatMap((each) => inError(each, claimed.get(each.snapshotId))),
    ...surplus(marked, own, rivals),
    ...incomplete(
      facts.snapshots.filter(({ snapshotId }) => !why.has(snapshotId)),
      own,
    ),
    ...left(facts, loose, isStaged, stagedThing, stagedOrphan),
    ...left(facts, loose, isOfImage, imageThing, leftByImage),
    ...left(facts, loose, isUncommitted, encryptedThing, leftUncommitted),
  ];
}

function isLoose(facts: OrphanFacts, snapshot: MarkedSnapshot): boolean {
  const { tags, startedAt, state, locked, usedByImage } = snapshot;
  return (
    otherOwner(Object.keys(tags)) === undefined &&
    facts.now - startedAt > GRACE_MS &&
    state !== 'pending' &&
    !locked &&
    !usedByImage &&
    !isHeld(tags) &&
    !isOpen(facts, tags)
  );
}

function isOfPoint({ tags, description }: MarkedSnapshot): boolean {
  const isMarked = description === ownDescription(tags[TAG.recoveryPoint] ?? '');
  const isOthers = otherOwner(Object.keys(tags)) !== undefined;
  return isMarked && !isOthers && !isUncommitted({ tags, description });
}

/**
 * What one kind of run left behind. Tags and descriptions are copied: of several that carry the marks of one thing, none can be
 * told to be Holdfast's.
 */
function left(
  facts: OrphanFacts,
  loose: ReadonlySet<string>,
  is: (snapshot: MarkedSnapshot) => boolean,
  thing: (snapshot: MarkedSnapshot) => string,
  judge: (facts: OrphanFacts, snapshot: MarkedSnapshot) => Orphan[],
): Orphan[] {
  const groups = [...groupBy(facts.snapshots.filter(is), thing).values()];
  return groups.flatMap((group) => {
    const ids = group.map(({ snapshotId }) => snapshotId);
    const items = group.filter(({ snapshotId }) => loose.has(snapshotId));
    return items.flatMap((item) =>
      onlyAlone(onlyProven(judge(facts, item), item), ids.length > 1 ? ids : []),
    );
  });
}

function onlyProven(orphans: Orphan[], item: MarkedSnapshot): Orphan[] {
  const why = unproven(item, item.tags[TAG.sourceVolume]);
  if (why === undefined) return orphans;
  return orphans.map((orphan) => ({ ...orphan, removable: false, reason: `${orphan.reason}; ${why}` }));
}

function onlyAlone(orphans: Orphan[], rivals: readonly string[]): Orphan[] {
  if (rivals.length === 0) return orphans;
  const names = [...rivals].sort().join(', ');
  return orphans.map((orphan) => ({
    ...orphan,
    removable: false,
    reason: `${orphan.reason}; ${names} carry the same marks, and a person must judge which are copied`,
  }));
}

function notOurs(snapshotId: string, why: string | undefined): Orphan[] {
  if (why === undefined) return [];
  const reason = `it carries the marks of a recovery point, and is none: ${why}; take the holdfast: tags off it`;
  return [snapshot(snapshotId, reason, false)];
}

function inError(
  { snapshotId, state, stateMessage }: MarkedSnapshot,
  rivals: readonly string[] = [],
): Orphan[] {
  if (state !== 'error') return [];
  const reason = `it ended in error: ${stateMessage ?? 'EC2 gave no reason'}`;
  return onlyAlone([snapshot(snapshotId, reason, true)], rivals);
}

/**
 * Two of one volume in one point, or two copies of one snapshot. A lost answer makes a second one, and so does somebody who copies
 * all tags: after the run nobody can tell the one from the other. The first counts.
 */
function surplus(
  marked: readonly MarkedSnapshot[],
  points: readonly MarkedSnapshot[],
  rivals: ReadonlyMap<string, string[]>,
): Orphan[] {
  const good = new Set(marked.filter(({ state }) => state !== 'error').map(({ snapshotId }) => snapshotId));
  const mayTell = new Set(points.map(({ snapshotId }) => snapshotId));
  return [...rivals.values()].flatMap((ids) => {
    const [first, ...others] = ids.filter((id) => good.has(id));
    const reason = `${[...ids].sort().join(', ')} carry the same marks. ${first} was begun first and counts; a person must judge whether the other was made twice, or is somebody's copy`;
    return others.filter((id) => mayTell.has(id)).map((id) => snapshot(id, reason, false));
  });
}

/** What is left of a set may still be the best there is of a volume. */
function incomplete(marked: readonly MarkedSnapshot[], points: readonly MarkedSnapshot[]): Orphan[] {
  const originals = marked.filter(({ tags }) => tags[TAG.copyOf] === undefined);
  const sets = groupBy(originals, ({ tags }) => tags[TAG.recoveryPoint] ?? '');
  return points.flatMap(({ snapshotId, tags, state }) => {
    if (tags[TAG.copyOf] !== undefined || state === 'error') return [];
    const set = sets.get(tags[TAG.recoveryPoint] ?? '') ?? [];
    const volumes = new Set(set.filter((each) => each.state === 'completed').map(volumeOf)).size;
    const wanted = Number(tags[TAG.set] ?? 1);
    return volumes < wanted
      ? [snapshot(snapshotId, `its set is incomplete: ${volumes} of ${wanted} volumes`, false)]
      : [];
  });
}

function stagedOrphan(facts: OrphanFacts, { snapshotId, volumeId, tags }: MarkedSnapshot): Orphan[] {
  const migrationId = tags[TAG.migration] ?? '';
  if (facts.markedMigrations.has(migrationId)) return [];
  const source = tags[TAG.sourceVolume] ?? volumeId;
  return facts.existingVolumes.has(source)
    ? [snapshot(snapshotId, `migration ${migrationId}, which made it on its way, has ended`, true)]
    : [
        snapshot(
          snapshotId,
          `migration ${migrationId} has ended, but ${source} is gone: this may be all that is left of it`,
          false,
        ),
      ];
}

/** Of an `encryptSnapshots` that ended without a word: the originals are there, or this is all that is left. */
function leftUncommitted(facts: OrphanFacts, { snapshotId, tags }: MarkedSnapshot): Orphan[] {
  const original = tags[TAG.encryptedFrom] ?? '';
  const maker = tags[TAG.workflow] ?? '';
  const stands = tags[TAG.recoveryPoint] !== undefined;
  if (stands && !facts.existingOriginals.has(original)) return [];
  return facts.existingOriginals.has(original)
    ? [snapshot(snapshotId, `${maker}, which encrypted ${original} in it, ended without a commit`, true)]
    : [
        snapshot(
          snapshotId,
          `${maker} ended without a commit, but ${original}, which it encrypted in it, is gone: this may be all that is left`,
          false,
        ),
      ];
}

/** AWS itself writes which image a snapshot was made for. */
function leftByImage({ images }: OrphanFacts, { snapshotId, description }: MarkedSnapshot): Orphan[] {
  const imageId = imageInDescription(description);
  if (images.some((image) => image.imageId === imageId)) return [];
  return [snapshot(snapshotId, `its image ${imageId} is deregistered`, true)];
}

/** A volume holds data that nobody can make again: never more than reported. */
function volumeOrphans(facts: OrphanFacts): Orphan[] {
  return facts.volumes.flatMap(({ volumeId, attached, createdAt, tags }) => {
    const migrationId = tags[TAG.migration] ?? tags[TAG.original]?.split(' ')[0] ?? '';
    if (facts.markedMigrations.has(migrationId) || isOpen(facts, tags)) return [];
    if (facts.now - createdAt <= GRACE_MS) return [];
    const what = tags[TAG.original]
      ? 'an original'
      : attached
        ? undefined
        : 'a new volume, attached to nothing,';
    return what
      ? [
          {
            kind: 'volume' as const,
            resourceId: volumeId,
            reason: `${what} of migration ${migrationId}, which has ended; delete it when nobody needs its data`,
            removable: false,
          },
        ]
      : [];
  });
}

/** Another run for the same request may have taken it over. */
function imageOrphans(facts: OrphanFacts): Orphan[] {
  return facts.images.flatMap(({ imageId, description, createdAt, tags }) => {
    const isOwn = description.includes(ownDescription(tags[TAG.request] ?? '?'));
    const hasFailed = facts.makers.get(tags[TAG.workflow] ?? '') === 'failed';
    if (!isOwn || !hasFailed || facts.now - createdAt <= GRACE_MS) return [];
    const reason = `${tags[TAG.workflow]}, which made it, has failed; deregister it when nobody uses it`;
    return [{ kind: 'image' as const, resourceId: imageId, reason, removable: false }];
  });
}

function snapshot(resourceId: string, reason: string, removable: boolean): Orphan {
  return { kind: 'snapshot', resourceId, reason, removable };
}
