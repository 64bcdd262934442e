import { periodStart } from '../../calendar/calendar';
import { decideArchival } from '../../model/points/archival';
import { FAILURE } from '../../model/failures';
import type { FailedItem } from '../../model/outcome';
import { readRecoveryPoint } from '../../model/points/recoveryPoint';
import type { ExpiryDecision, KeptPoint } from '../../model/points/retention';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { decideExpiryNow } from './expiryNow';
import type { LookForSources } from './goneSources';
import { readPointsNow } from './pointsNow';
import { readPolicyNow } from '../policies/schedules';
import { isOwnSnapshot, snapshotsById } from '../points/recoveryPoints';
import { tagMap } from '../support/tags';

type Points = ExpiryDecision['expired'];

export interface PointsAgain {
  /** Points of which nothing is left. */
  gone: string[];
  /** Points that are not what they were when it was decided. */
  changed: FailedItem[];
  /** Points that have a reason to stay by now. */
  kept: KeptPoint[];
  /** Those that may go still. */
  expired: Points;
  /** Those that are cheaper in the archive still. */
  archive: Points;
}

/**
 * Decides again about a few points, right before something is done to them that cannot be undone: what the plan relied on may
 * be hours old. Of their lineages everything is looked at, so that nothing that another run or a person has deleted
 * meanwhile is counted on.
 */
export async function readPointsAgain(
  deps: Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal'>,
  target: Target,
  points: Points,
  letGo: readonly string[] = [],
  lookForSources?: LookForSources,
): Promise<PointsAgain> {
  const planned = points.flatMap(({ snapshotIds }) => snapshotIds);
  const there = await snapshotsById(deps.aws.ec2(target, 'retention'), planned);
  const again: PointsAgain = { gone: [], changed: [], kept: [], expired: [], archive: [] };
  const left: Points = [];
  const [sources, names] = [new Set<string>(), new Set<string>()];
  for (const { recoveryPointId, snapshotIds } of points) {
    const found = snapshotIds.flatMap((id) => there.get(id) ?? []);
    const read = found.map((snapshot) => {
      const { SnapshotId: snapshotId, VolumeId: volumeId, Description: description = '' } = snapshot;
      const point = readRecoveryPoint({ snapshotId, volumeId, description, tags: tagMap(snapshot.Tags) });
      return isOwnSnapshot(snapshot) && point?.recoveryPointId === recoveryPointId ? point : undefined;
    });
    if (found.length === 0) again.gone.push(recoveryPointId);
    else if (read.includes(undefined)) again.changed.push(changed(recoveryPointId, 'its marks are gone'));
    else left.push({ recoveryPointId, snapshotIds });
    for (const point of read) {
      if (point) sources.add(point.sourceId);
      if (point) names.add(point.policyName);
    }
  }
  if (left.length === 0) return again;
  const only = { sources: [...sources], snapshotIds: [...there.keys()] };
  const { snapshots, ...facts } = await readPointsNow(deps, target, only, undefined, lookForSources);
  const policies = [];
  for (const name of names) policies.push(...(await readPolicyNow(deps.temporal, name)));
  const now = deps.calendar.now();
  const decision = await decideExpiryNow(deps, target, {
    ...{ snapshots, policies, ...facts, now },
    letGo: new Set(letGo),
  });
  const gone = new Set(decision.expired.map(({ recoveryPointId }) => recoveryPointId));
  const staying = snapshots.filter(({ recoveryPointId }) => !gone.has(recoveryPointId));
  const archival = decideArchival({ snapshots: staying, now, periodStart });
  for (const { recoveryPointId, snapshotIds } of left) {
    const isSame = (point: Points[number]) =>
      point.recoveryPointId === recoveryPointId && point.snapshotIds.every((id) => snapshotIds.includes(id));
    const [expired, archive] = [decision.expired.find(isSame), archival.find(isSame)];
    const kept = decision.kept.find((each) => each.recoveryPointId === recoveryPointId);
    if (expired) again.expired.push(expired);
    if (archive) again.archive.push(archive);
    if (kept) again.kept.push(kept);
    if (!expired && !kept) again.changed.push(changed(recoveryPointId, 'it is of other snapshots'));
  }
  return again;
}

function changed(item: string, what: string): FailedItem {
  return { item, type: FAILURE.conflict, message: `${item} has changed since the decision: ${what}` };
}
