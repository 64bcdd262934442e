import { listed } from '../../../model/list';
import { decideSnapshot } from '../../../model/encryption/snapshots/snapshotDecision';
import type {
  DecidedPage,
  SnapshotFacts,
  SnapshotScope,
} from '../../../model/encryption/snapshots/snapshotEncryption';
import type { ActivityDeps } from '../../support/deps';
import { readSnapshotFacts, isOwnCopy, selectSnapshots } from './facts';
import type { SkippedItem } from '../../../model/outcome';

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
  const all = await selectSnapshots(deps.aws.ec2(scope.target, 'read'), scope);
  const left = cursor === undefined ? all : all.filter(({ SnapshotId }) => SnapshotId > cursor);
  const page = left.slice(0, size);
  const selected = page.filter((snapshot) => !isOwnCopy(snapshot));
  const pile = new Pile(scope, page.length - selected.length);
  for (const each of await readSnapshotFacts(deps, scope, selected)) pile.put(each);
  const last = left[size - 1]?.SnapshotId;
  return {
    decided: pile.decided(last !== undefined && left.length > size ? last : undefined),
    facts: pile.facts,
    youngestMs: Math.max(0, ...all.map(({ StartTime }) => StartTime.getTime())),
  };
}

class Pile {
  /** Of what is to be encrypted. */
  readonly facts: SnapshotFacts[] = [];
  private readonly done: SkippedItem[] = [];
  private readonly kept: SkippedItem[] = [];
  private readonly unproven: string[] = [];

  constructor(
    private readonly scope: SnapshotScope,
    private leftOut: number,
  ) {}

  put(facts: SnapshotFacts): void {
    // Named by its id it gets an answer; a selector cannot mean it.
    if (facts.migration && this.scope.selector) {
      this.leftOut += 1;
      return;
    }
    this.unproven.push(...(facts.unproven ?? []));
    const decision = decideSnapshot(facts, this.scope);
    if (decision.action === 'encrypt') this.facts.push(facts);
    else
      this[decision.action === 'done' ? 'done' : 'kept'].push({
        item: facts.snapshotId,
        reasons: decision.reasons,
      });
  }

  decided(cursor: string | undefined): DecidedPage {
    return {
      encrypt: this.facts.map(({ snapshotId }) => snapshotId),
      done: listed(this.done),
      kept: listed(this.kept),
      leftOut: this.leftOut,
      unproven: listed(this.unproven),
      ...(cursor !== undefined && { cursor }),
    };
  }
}
