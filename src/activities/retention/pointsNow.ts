import { Context } from '@temporalio/activity';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { parseArchive } from '../../model/points/archive';
import { covers, type UnknownHold } from '../../model/retention/hold';
import { TAG } from '../../model/names';
import type { Stranger } from '../../model/points/pointClaims';
import { readRecoveryPoint } from '../../model/points/recoveryPoint';
import type { SnapshotNow } from '../../model/points/retention';
import { targetKey, type Target } from '../../model/target';
import { COMING_BACK, IN_ARCHIVE, findTiering } from '../points/tiers';
import { markUncopied, markUnreadable } from '../copies/proof';
import type { ActivityDeps } from '../support/deps';
import { oneLook, type LookForSources } from './goneSources';
import { groupsOf } from '../support/groups';
import { requireReadableHolds, notKnown } from './openHolds';
import { claims, isMarked, markedSnapshots } from '../points/recoveryPoints';
import { findLocked, findUsedByImages } from '../points/snapshotUse';
import { unlessUnknown } from '../support/unlessUnknown';
import { tagMap } from '../support/tags';
import { COPY_VOLUME } from '../../model/points/copyVolume';
import type { KnownSnapshot } from '../support/known';

export interface PointsNow {
  snapshots: SnapshotNow[];
  strangers: Stranger[];
  /** A legal hold was opened a moment ago, and what it holds is not known yet. */
  holdUnknown: boolean;
  /** Legal holds that are open and do not say what they hold. */
  holdsNotKnown: UnknownHold[];
  /** Instances and volumes that exist, and those of which nobody can say that they do not. */
  existingSources: Set<string>;
}

type Deps = Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal'>;

interface Question {
  /** Instances and volumes: all of their points are looked at. */
  sources: string[];
  /** What is to be touched: only of these it is asked who uses them. */
  snapshotIds: string[];
}

/**
 * Everything that decides what becomes of recovery points, as AWS and Temporal tell it now.
 *
 * @param only what is asked about; all that there is in the place when left out
 * @param expiresAtOf by the terms that are asked about, which may be others than the points'
 * @param sources how it is found out what is gone
 */
export async function readPointsNow(
  deps: Deps,
  target: Target,
  only?: Question,
  expiresAtOf: (snapshot: SnapshotNow) => number | undefined = ({ expiresAt }) => expiresAt,
  sources = oneLook(deps.aws),
): Promise<PointsNow> {
  const ec2 = deps.aws.ec2(target, 'retention');
  const marked = await listMarked(ec2, only?.sources);
  const nothing = {
    ...{ snapshots: [], strangers: [], holdUnknown: false, holdsNotKnown: [] },
    existingSources: new Set<string>(),
  };
  if (marked.length === 0) return nothing;
  const { own, rivals, strangers } = claims(marked);
  const there = new Set(own.map(({ snapshotId }) => snapshotId));
  const ids = only?.snapshotIds.filter((id) => there.has(id));
  const facts = { used: await findUsedByImages(ec2, ids), locked: await findLocked(ec2, ids) };
  const copying = new Set(
    own
      .filter(({ snapshot, volumeId }) => snapshot.State === 'pending' && volumeId === COPY_VOLUME)
      .map(({ tags }) => tags[TAG.recoveryPoint]),
  );
  const tiers = await readTiers(ec2, marked, only && [...there]);
  const { holds, ...open } = await requireReadableHolds(deps.temporal, deps.calendar.now());
  const raw = new Map<string, KnownSnapshot>();
  const snapshots = own.flatMap(({ snapshotId, volumeId, tags, snapshot }): SnapshotNow[] => {
    const { Description: description = '', State, StorageTier } = snapshot;
    const point = readRecoveryPoint({ snapshotId, volumeId, description, tags });
    if (!point) return [];
    raw.set(snapshotId, snapshot);
    const claiming = rivals.get(snapshotId);
    return [
      {
        ...point,
        legalHold: point.legalHold || holds.some((hold) => covers(hold, point, target)),
        completed: State === 'completed',
        locked: facts.locked.has(snapshotId),
        usedByImage: facts.used.has(snapshotId),
        copyRunning: copying.has(point.recoveryPointId),
        archived: StorageTier === 'archive' || tiers.archived.has(snapshotId),
        restoring: tiers.comingBack.has(snapshotId),
        ...(claiming && { rivals: claiming }),
      },
    ];
  });
  await markUncopied(deps, target, snapshots, raw, expiresAtOf);
  await markUnreadable(deps, target, snapshots, raw);
  const existingSources = await findExistingSources(sources, target, snapshots);
  return {
    ...{ snapshots, strangers, existingSources },
    ...{ holdUnknown: open.unknown.length > 0, holdsNotKnown: notKnown(open) },
  };
}

/** By the source that their tags name, and by the volume that AWS names. */
async function listMarked(ec2: EC2Client, sources: readonly string[] | undefined): Promise<KnownSnapshot[]> {
  const isMarkedAtAll = { Name: 'tag-key', Values: [TAG.recoveryPoint] };
  const found = new Map<string, KnownSnapshot>();
  for (const filter of sources ? filtersOf(sources) : [undefined]) {
    for await (const snapshot of markedSnapshots(ec2, [isMarkedAtAll, ...(filter ? [filter] : [])])) {
      Context.current().heartbeat(found.size);
      if (isMarked(snapshot)) found.set(snapshot.SnapshotId, snapshot);
    }
  }
  return [...found.values()];
}

function filtersOf(sources: readonly string[]): { Name: string; Values: string[] }[] {
  const filters: { Name: string; Values: string[] }[] = [];
  const add = (Name: string, ids: string[]) => {
    // One value more says that it is marked at all.
    for (const Values of groupsOf(ids, 1)) filters.push({ Name, Values });
  };
  const volumes = sources.filter((id) => id.startsWith('vol-'));
  add(
    `tag:${TAG.sourceInstance}`,
    sources.filter((id) => id.startsWith('i-')),
  );
  add(`tag:${TAG.sourceVolume}`, volumes);
  add('volume-id', volumes);
  return filters;
}

/** Who archives nothing is not asked for. */
async function readTiers(
  ec2: EC2Client,
  marked: readonly KnownSnapshot[],
  ids: readonly string[] | undefined,
): Promise<{ archived: Set<string>; comingBack: Set<string> }> {
  const mayBe = marked.some(
    ({ Tags, StorageTier }) =>
      StorageTier === 'archive' || parseArchive(tagMap(Tags)[TAG.retention]) !== undefined,
  );
  if (!mayBe) return { archived: new Set(), comingBack: new Set() };
  return {
    archived: await findTiering(ec2, ids, IN_ARCHIVE),
    comingBack: await findTiering(ec2, ids, COMING_BACK),
  };
}

/** A copy's instance or volume is in another region than the copy. Where nobody may ask, all are taken to be there. */
async function findExistingSources(
  look: LookForSources,
  target: Target,
  snapshots: readonly SnapshotNow[],
): Promise<Set<string>> {
  const places = new Map<string, { place: Target; ids: Set<string> }>();
  for (const { sourceId, sourceTarget: place = target } of snapshots) {
    const known = places.get(targetKey(place)) ?? { place, ids: new Set() };
    places.set(targetKey(place), known);
    known.ids.add(sourceId);
  }
  const found = new Set<string>();
  for (const { place, ids } of places.values())
    for (const id of (await unlessUnknown(() => look(place, [...ids]))) ?? ids) found.add(id);
  return found;
}
