import { periodStart } from '../../calendar/calendar';
import {
  decideExpiry,
  type ExpiryDecision,
  type KeepReason,
  type PolicyNow,
} from '../../model/points/retention';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { findEndedSources } from './endedSources';
import type { PointsNow } from './pointsNow';

type Facts = Omit<PointsNow, 'strangers' | 'holdsNotKnown'> & {
  policies: readonly PolicyNow[];
  now: number;
  /** Sources of which a person lets the last points go. */
  letGo?: ReadonlySet<string>;
};

/** The decision by what is known now; policies are asked what they select only where that may end something. */
export async function decideExpiryNow(
  deps: Pick<ActivityDeps, 'aws' | 'temporal'>,
  target: Target,
  facts: Facts,
): Promise<ExpiryDecision> {
  const decision = decideExpiry({ ...facts, periodStart });
  const { letGo = new Set() } = facts;
  const late = idsKeptBecause(decision, 'the newest point violates the RPO');
  const last = idsKeptBecause(decision, LAST);
  const asked = facts.snapshots.filter(
    ({ recoveryPointId, sourceId }) =>
      late.has(recoveryPointId) || (last.has(recoveryPointId) && letGo.has(sourceId)),
  );
  if (asked.length === 0) return decision;
  const ended = await findEndedSources(deps, target, asked);
  return ended.size === 0 ? decision : decideExpiry({ ...facts, ended, periodStart });
}

export const LAST: KeepReason = 'among the newest of its lineage';

/** Ids of the points that stay for that reason. */
export function idsKeptBecause({ kept }: ExpiryDecision, reason: KeepReason): Set<string> {
  return new Set(kept.flatMap((each) => (each.reason === reason ? each.recoveryPointId : [])));
}
