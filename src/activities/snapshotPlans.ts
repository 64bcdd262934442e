import type { SkippedItem } from '../model/campaign';
import { listed } from '../model/list';
import { decideSnapshot } from '../model/snapshotDecision';
import type { DecidedPage, SnapshotFacts, SnapshotScope } from '../model/snapshotEncryption';
import type { ActivityDeps } from './deps';
import { factsOf, selectedSnapshots } from './snapshotFacts';

const PLANNED_AT_ONCE = 1000;

interface PageRequest {
  scope: SnapshotScope;
  /** Id of the last snapshot of the page before. */
  cursor?: string | undefined;
}

interface PlannedPage extends DecidedPage {
  /** When the youngest of all that is selected was begun, by AWS's clock. */
  youngestMs: number;
}

export function snapshotPlanActivities(deps: ActivityDeps) {
  return {
    /** What would happen to the next of the snapshots that a run is about; only reads. */
    async planSnapshots({ scope, cursor }: PageRequest): Promise<PlannedPage> {
      const { decided, youngestMs } = await decidePage(deps, scope, cursor, PLANNED_AT_ONCE);
      return { ...decided, youngestMs };
    },
  };
}

/** The next `size` snapshots that a run is about, decided, with what those to be encrypted were decided by. */
export async function decidePage(
  deps: ActivityDeps,
  scope: SnapshotScope,
  cursor: string | undefined,
  size: number,
): Promise<{ decided: DecidedPage; facts: SnapshotFacts[]; youngestMs: number }> {
  const all = await selectedSnapshots(deps.aws.ec2(scope.target, 'read'), scope);
  const left = cursor === undefined ? all : all.filter(({ SnapshotId = '' }) => SnapshotId > cursor);
  const facts: SnapshotFacts[] = [];
  const done: SkippedItem[] = [];
  const kept: SkippedItem[] = [];
  for (const each of await factsOf(deps, scope, left.slice(0, size))) {
    const decision = decideSnapshot(each, scope);
    if (decision.action === 'encrypt') facts.push(each);
    else
      (decision.action === 'done' ? done : kept).push({ item: each.snapshotId, reasons: decision.reasons });
  }
  const last = left[size - 1]?.SnapshotId;
  return {
    decided: {
      encrypt: facts.map(({ snapshotId }) => snapshotId),
      done: listed(done),
      kept: listed(kept),
      ...(last !== undefined && left.length > size && { cursor: last }),
    },
    facts,
    youngestMs: Math.max(0, ...all.map(({ StartTime }) => StartTime?.getTime() ?? 0)),
  };
}
