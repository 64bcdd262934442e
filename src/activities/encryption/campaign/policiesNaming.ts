import type { Client } from '@temporalio/client';
import { itemAsked, type MoveAsked, type Warning } from '../../../model/moves/warnings';
import { targetKey, type Target } from '../../../model/target';
import { policyOf } from '../../../temporal/schedules';
import { listPolicySchedules } from '../../policies/schedules';
import { now } from '../../support/pace/waits';
import type { Look } from './look';

/** The pages of a campaign ask one after another, and there may be thousands of policies. */
const REMEMBERED_MS = 5 * 60_000;

/** Policies by the volumes that they name by id, and by where they do. */
type Naming = Map<string, string[]>;

/** Who names a volume by its id goes without it once another volume has taken its place. */
export class PoliciesNaming {
  private known?: { naming: Promise<Naming>; until: number };

  constructor(private readonly temporal: Client) {}

  /** What cannot be looked at is named, and stands in nobody's way. */
  async look(target: Target, moves: readonly MoveAsked[]): Promise<Look> {
    const warnings = new Map<string, Warning[]>();
    try {
      const naming = await this.readNaming();
      for (const move of moves) {
        const texts = move.volumes.flatMap(({ volumeId }) =>
          (naming.get(`${targetKey(target)}/${volumeId}`) ?? []).map((policy) => text(policy, volumeId)),
        );
        if (texts.length > 0)
          warnings.set(
            itemAsked(move),
            texts.map((each) => ({ kind: 'policy', text: each })),
          );
      }
      return { warnings, notChecked: [] };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { warnings, notChecked: [{ what: 'policies that name volumes by id', why, items: [] }] };
    }
  }

  private readNaming(): Promise<Naming> {
    if (!this.known || now() > this.known.until) {
      const naming = readAllPolicies(this.temporal);
      const known = { naming, until: now() + REMEMBERED_MS };
      this.known = known;
      naming.catch(() => {
        if (this.known === known) this.known = undefined;
      });
    }
    return this.known.naming;
  }
}

async function readAllPolicies(temporal: Client): Promise<Naming> {
  const naming: Naming = new Map();
  for (const { description } of await listPolicySchedules(temporal)) {
    const policy = policyOf(description);
    if (!policy) continue;
    for (const target of policy.targets)
      for (const volumeId of policy.selector.volumeIds ?? []) {
        const key = `${targetKey(target)}/${volumeId}`;
        naming.set(key, [...(naming.get(key) ?? []), policy.policyName]);
      }
  }
  return naming;
}

function text(policyName: string, volumeId: string): string {
  return `policy ${policyName} names ${volumeId} by its id, and will not back up the volume that takes its place: select by tags, or apply the policy with the new id as soon as the volume is moved`;
}
