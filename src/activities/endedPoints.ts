import { decideExpiry, hasEnded, type ExpiryDecision, type SnapshotNow } from '../model/retention';
import { periodStart } from '../calendar/calendar';
import { groupBy } from '../model/group';
import { listed, type Listed } from '../model/list';
import type { Orphan } from '../model/orphans';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { endedSources } from './endedSources';
import { expiryNow, keptBecause, LAST } from './expiryNow';
import { pointsNow } from './pointsNow';
import { policyNow } from './policySchedules';

/** Points that are handed over for deletion at a time; the workflow asks again until none is left. */
const A_BATCH = 100;

export interface EndedPoints {
  /** A line for each source and policy. */
  found: Listed<Orphan>;
  /** Sources that may be let go, of those that were asked for. */
  letGo: string[];
  /** A batch of their points. */
  points: ExpiryDecision['expired'];
}

/** Points that are past their time, and stay because they are the last of something that nobody backs up any more. */
export function endedPointActivities(deps: Pick<ActivityDeps, 'aws' | 'clock' | 'temporal'>) {
  return {
    /** @param letGo sources of which a person lets the last points go */
    async findEndedPoints({
      target,
      letGo = [],
      except,
    }: {
      target: Target;
      letGo?: string[];
      /** Points that were tried already. */
      except: string[];
    }): Promise<EndedPoints> {
      const { strangers: _, ...points } = await pointsNow(deps, target);
      const policies = [];
      for (const name of new Set(points.snapshots.map(({ policyName }) => policyName)))
        policies.push(...(await policyNow(deps.temporal, name)));
      const facts = { ...points, policies, now: deps.clock.now() };
      const last = keptBecause(decideExpiry({ ...facts, periodStart }), LAST);
      const asked = facts.snapshots.filter(({ recoveryPointId }) => last.has(recoveryPointId));
      const ended = await endedSources(deps, target, asked);
      const over = asked.filter((snapshot) => hasEnded(snapshot, { ...facts, ended }));
      const sources = new Set(over.map(({ sourceId }) => sourceId));
      const released = new Set(letGo.filter((id) => sources.has(id)));
      const tried = new Set(except);
      const { expired } =
        released.size > 0 ? await expiryNow(deps, target, { ...facts, letGo: released }) : { expired: [] };
      const goes = new Set(over.map(({ recoveryPointId }) => recoveryPointId));
      return {
        found: listed(
          [...groupBy(over, sourceOf)].map(([, of]) => lastOf(of, released, facts.existingSources)),
        ),
        letGo: [...released],
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

function lastOf(
  snapshots: readonly SnapshotNow[],
  released: ReadonlySet<string>,
  existing: ReadonlySet<string>,
): Orphan {
  const [{ sourceId = '', policyName = '' } = {}] = snapshots;
  const points = new Set(snapshots.map(({ recoveryPointId }) => recoveryPointId)).size;
  const newest = new Date(Math.max(...snapshots.map(({ takenAt }) => takenAt))).toISOString();
  const why = existing.has(sourceId)
    ? `policy ${policyName} does not back it up here any more`
    : 'it is gone';
  return {
    kind: 'points',
    resourceId: sourceId,
    reason: `its last ${points} recovery points of policy ${policyName}, the newest of ${newest}, are past their time and stay: ${why}; name it in letGo to have them deleted`,
    removable: released.has(sourceId),
  };
}
