import {
  decideExpiry,
  hasEnded,
  type ExpiryDecision,
  type KeepReason,
  type SnapshotNow,
} from '../../model/points/retention';
import { periodStart } from '../../calendar/calendar';
import { FAILURE } from '../../model/failures';
import { groupBy } from '../../model/group';
import { listed, type Listed } from '../../model/list';
import type { Orphan } from '../../model/operations/orphans';
import type { FailedItem } from '../../model/outcome';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findEndedSources } from '../retention/endedSources';
import { decideExpiryNow, idsKeptBecause, LAST } from '../retention/expiryNow';
import { readPointsNow } from '../retention/pointsNow';
import { readPolicyNow } from '../policies/schedules';

/** Points that are handed over for deletion at a time; the workflow asks again until none is left. */
const A_BATCH = 100;

export interface EndedPoints {
  /** A line for each source and policy. */
  found: Listed<Orphan>;
  /** Sources that may be let go, of those that were asked for. */
  letGo: string[];
  /** A batch of their points. */
  points: ExpiryDecision['expired'];
  /** What stays of them all the same, by source; missing where nothing does. */
  stays?: FailedItem[];
}

interface FindEndedPointsRequest {
  target: Target;
  letGo?: string[];
  /** Points that were tried already. */
  except: string[];
}

/** Points that are past their time, and stay because they are the last of something that nobody backs up any more. */
export function endedPointActivities(deps: Pick<ActivityDeps, 'aws' | 'calendar' | 'temporal'>) {
  return {
    /** @param letGo sources of which a person lets the last points go */
    async findEndedPoints({ target, letGo = [], except }: FindEndedPointsRequest): Promise<EndedPoints> {
      const { strangers: _, ...points } = await readPointsNow(deps, target);
      const policies = [];
      for (const name of new Set(points.snapshots.map(({ policyName }) => policyName)))
        policies.push(...(await readPolicyNow(deps.temporal, name)));
      const facts = { ...points, policies, now: deps.calendar.now() };
      const last = idsKeptBecause(decideExpiry({ ...facts, periodStart }), LAST);
      const asked = facts.snapshots.filter(({ recoveryPointId }) => last.has(recoveryPointId));
      const ended = await findEndedSources(deps, target, asked);
      const over = asked.filter((snapshot) => hasEnded(snapshot, { ...facts, ended }));
      const sources = new Set(over.map(({ sourceId }) => sourceId));
      const released = new Set(letGo.filter((id) => sources.has(id)));
      const tried = new Set(except);
      const { expired, kept } =
        released.size > 0
          ? await decideExpiryNow(deps, target, { ...facts, letGo: released })
          : { expired: [], kept: [] };
      const goes = new Set(over.map(({ recoveryPointId }) => recoveryPointId));
      const reasons = new Map(kept.map(({ recoveryPointId, reason }) => [recoveryPointId, reason]));
      const sourcesOver = [...groupBy(over, sourceOf).values()];
      const told = sourcesOver.map((of) =>
        lastOf(of, { released, existing: facts.existingSources, reasons }),
      );
      const stays = told.flatMap(({ staying }) => staying ?? []);
      return {
        found: listed(told.map(({ orphan }) => orphan)),
        letGo: [...released],
        ...(stays.length > 0 && { stays }),
        points: expired
          .filter(({ recoveryPointId }) => goes.has(recoveryPointId) && !tried.has(recoveryPointId))
          .slice(0, A_BATCH),
      };
    },
  };
}

function sourceOf({ sourceId, policyName }: SnapshotNow): string {
  return `${policyName}|${sourceId}`;
}

interface Decided {
  /** Sources that a person lets go. */
  released: ReadonlySet<string>;
  existing: ReadonlySet<string>;
  /** Why points stay all the same, by id. */
  reasons: ReadonlyMap<string, KeepReason>;
}

function lastOf(
  snapshots: readonly SnapshotNow[],
  { released, existing, reasons }: Decided,
): { orphan: Orphan; staying?: FailedItem } {
  const [{ sourceId = '', policyName = '' } = {}] = snapshots;
  const points = new Set(snapshots.map(({ recoveryPointId }) => recoveryPointId)).size;
  const newest = new Date(Math.max(...snapshots.map(({ takenAt }) => takenAt))).toISOString();
  const why = existing.has(sourceId)
    ? `policy ${policyName} does not back it up here any more`
    : 'it is gone';
  const staying = released.has(sourceId) ? stayingOf(snapshots, reasons) : undefined;
  const orphan: Orphan = {
    kind: 'points',
    resourceId: sourceId,
    reason: `its last ${points} recovery points of policy ${policyName}, the newest of ${newest}, are past their time and stay: ${why}; name it in letGo to have them deleted`,
    removable: released.has(sourceId) && !staying,
  };
  return { orphan, ...(staying && { staying }) };
}

/** Points of one source that are let go, and that something else keeps; undefined where nothing does. */
function stayingOf(
  snapshots: readonly SnapshotNow[],
  reasons: ReadonlyMap<string, KeepReason>,
): FailedItem | undefined {
  const [{ sourceId = '', policyName = '' } = {}] = snapshots;
  const kept = [...new Set(snapshots.map(({ recoveryPointId }) => recoveryPointId))].flatMap(
    (id) => reasons.get(id) ?? [],
  );
  if (kept.length === 0) return undefined;
  const why = [...new Set(kept)].join('; ');
  const message = `letGo: ${kept.length} points of ${sourceId} by policy ${policyName} stay: ${why}`;
  return { item: sourceId, type: FAILURE.conflict, message };
}
