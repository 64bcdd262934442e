import { slotBefore } from '../../calendar/timetable';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { TAG } from '../../model/names';
import type { Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { recoveryPointId, readSnapshotsOf } from '../points/recoveryPoints';
import { tagMap } from '../support/tags';

/** Further back nobody looks: the RPO is long since violated. */
const SLOTS_BACK = 10;

interface LastPointsRequest {
  policy: NormalizedPolicy;
  target: Target;
  /** Milliseconds since the epoch. */
  slotMs: number;
  resourceIds: string[];
}

export function lastPointActivities({ aws }: ActivityDeps) {
  return {
    /**
     * The newest of the last slots of which each resource has a complete point, ISO 8601 in UTC. Found by the ids that
     * points of those slots have: listing all points of a resource would take a page for each thousand.
     */
    async lastPoints({ policy, target, slotMs, resourceIds }: LastPointsRequest) {
      const resourceOf = new Map<string, { resourceId: string; slot: number }>();
      for (const slot of slotsUpTo(policy, slotMs))
        for (const resourceId of resourceIds)
          resourceOf.set(recoveryPointId(policy.policyName, slot, target, resourceId), { resourceId, slot });
      const found = await readSnapshotsOf(aws.ec2(target, 'backup'), [...resourceOf.keys()]);
      const last: Record<string, string> = {};
      // Newest slots first.
      for (const [id, { resourceId, slot }] of resourceOf) {
        const set = found.get(id) ?? [];
        const completed = set.filter(({ State }) => State === 'completed');
        const isWhole =
          completed.length > 0 && completed.length >= Number(tagMap(set[0]?.Tags)[TAG.set] ?? 1);
        if (isWhole) last[resourceId] ??= new Date(slot).toISOString();
      }
      return last;
    },
  };
}

function slotsUpTo(policy: NormalizedPolicy, slotMs: number): number[] {
  const slots = [slotMs];
  while (slots.length <= SLOTS_BACK) {
    const before = slotBefore(policy, slots.at(-1) ?? slotMs);
    if (before === undefined) break;
    slots.push(before);
  }
  return slots;
}
