import { z } from 'zod';
import type { Archive } from '../points/archive';
import { destinationOf } from '../copies/copy';
import { operationInput } from '../input';
import type { Listed } from '../list';
import { TAG } from '../names';
import type { FailedItem } from '../outcome';
import type { NormalizedPolicy } from '../policies/policy';
import { policyNameSchema } from '../policyName';
import { expiresAtTag, retentionTag } from '../points/recoveryPoint';
import type { SnapshotNow } from '../points/retention';
import type { RetentionTerms } from '../points/retentionTerms';
import { targetKey, type Target } from '../target';

export const applyRetentionInput = operationInput({
  policyName: policyNameSchema,
  dryRun: z.boolean().default(true).describe('Says what would become of the points, and changes nothing.'),
});

export type ApplyRetentionInput = z.input<typeof applyRetentionInput>;

/** What becomes of the points of a place. */
export interface RetentionChange {
  /** Points that get the policy's terms, and have others now. */
  changed: number;
  /** Points that the next `enforceExpiry` would delete then, and would not delete now. */
  goes: number;
}

export interface ApplyRetentionResult extends RetentionChange {
  policyName: string;
  dryRun: boolean;
  places: Listed<RetentionChange & { target: Target }>;
  failed: Listed<FailedItem>;
}

interface Terms {
  expiresAt?: number;
  retention: RetentionTerms;
  minKeep: number;
  rpoMs: number;
  timezone: string;
  archive?: Archive;
}

/** When something expires that is kept so long from then on (src/calendar). */
type ExpiryOf = (from: number, keep: string | undefined, timezone: string) => number | undefined;

/**
 * A snapshot under the terms that the policy gives to new ones in that place; undefined where it has them already, or the
 * policy has none for it: it is another policy's, a copy in a place that the policy does not copy to, or who it is is not certain.
 */
export function underNewTerms(
  policy: NormalizedPolicy,
  here: Target,
  snapshot: SnapshotNow,
  expiryOf: ExpiryOf,
): SnapshotNow | undefined {
  if (snapshot.policyName !== policy.policyName || snapshot.rivals) return undefined;
  const given = termsGiven(policy, here, snapshot);
  if (!given) return undefined;
  const { minKeep, rpoMs, timezone } = policy;
  const expiresAt = expiryOf(snapshot.takenAt, given.retention.keep, timezone);
  const { expiresAt: _e, archive: _a, ...rest } = snapshot;
  const changed: SnapshotNow = {
    ...rest,
    ...{ minKeep, rpoMs, timezone, retention: given.retention },
    ...(expiresAt !== undefined && { expiresAt }),
    ...(given.archive && { archive: given.archive }),
  };
  return isSame(termTags(changed), termTags(snapshot)) ? undefined : changed;
}

/** The tags that say how long a snapshot stays. */
export function termTags(terms: Terms): Record<string, string> {
  return { [TAG.expiresAt]: expiresAtTag(terms.expiresAt), [TAG.retention]: retentionTag(terms) };
}

function isSame(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.entries(a).every(([key, value]) => b[key] === value);
}

function termsGiven(
  policy: NormalizedPolicy,
  here: Target,
  { sourceTarget }: SnapshotNow,
): Pick<Terms, 'retention' | 'archive'> | undefined {
  if (!sourceTarget || targetKey(sourceTarget) === targetKey(here)) return policy;
  return policy.copies.find(
    (terms) => targetKey(destinationOf({ target: sourceTarget, terms })) === targetKey(here),
  );
}
