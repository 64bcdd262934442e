import { periodStart } from '../calendar/calendar';
import { decideExpiry, type ExpiryDecision, type PolicyNow } from '../model/retention';
import type { Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { endedSources } from './endedSources';
import type { PointsNow } from './pointsNow';

/** The decision by what is known now; policies are asked what they select only where that may end something. */
export async function expiryNow(
  deps: Pick<ActivityDeps, 'aws' | 'temporal'>,
  target: Target,
  facts: Omit<PointsNow, 'strangers'> & { policies: readonly PolicyNow[]; now: number },
): Promise<ExpiryDecision> {
  const decision = decideExpiry({ ...facts, periodStart });
  const late = new Set(
    decision.kept.flatMap(({ recoveryPointId, reason }) =>
      reason === 'the newest point violates the RPO' ? recoveryPointId : [],
    ),
  );
  if (late.size === 0) return decision;
  const snapshots = facts.snapshots.filter(({ recoveryPointId }) => late.has(recoveryPointId));
  const ended = await endedSources(deps, target, snapshots);
  return ended.size === 0 ? decision : decideExpiry({ ...facts, ended, periodStart });
}
