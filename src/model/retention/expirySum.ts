import type { EnforceExpiryResult } from './expiry';
import type { UnknownHold } from './hold';
import { and, listed } from '../list';
import { sumOfOthers } from '../points/snapshotOwner';

/** What became of the points of one place, or of several: it takes the same room however many there are. */
export type ExpirySum = Required<Omit<EnforceExpiryResult, 'dryRun' | 'unreadablePolicies'>>;

export function nothingExpired(): ExpirySum {
  return {
    expired: listed([]),
    kept: listed([]),
    keptByReason: {},
    archived: listed([]),
    notArchived: listed([]),
    notOurs: listed([]),
    others: { awsBackup: 0, dlm: 0 },
    holdsNotKnown: [],
    failed: listed([]),
  };
}

export function sumOfExpiry(a: ExpirySum, b: ExpirySum): ExpirySum {
  return {
    expired: and(a.expired, b.expired.items, b.expired.total),
    kept: and(a.kept, b.kept.items, b.kept.total),
    keptByReason: sumOfReasons(a.keptByReason, b.keptByReason),
    archived: and(a.archived, b.archived.items, b.archived.total),
    notArchived: and(a.notArchived, b.notArchived.items, b.notArchived.total),
    notOurs: and(a.notOurs, b.notOurs.items, b.notOurs.total),
    others: sumOfOthers(a.others, b.others),
    holdsNotKnown: eachOnce([...a.holdsNotKnown, ...b.holdsNotKnown]),
    failed: and(a.failed, b.failed.items, b.failed.total),
  };
}

export function sumOfReasons(
  a: ExpirySum['keptByReason'],
  b: ExpirySum['keptByReason'],
): ExpirySum['keptByReason'] {
  const sum = { ...a };
  for (const [reason, count] of Object.entries(b) as [keyof typeof sum, number][])
    sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

/** Holds are of all places: each of these tells of the same ones. */
function eachOnce(holds: readonly UnknownHold[]): UnknownHold[] {
  return [...new Map(holds.map((hold) => [hold.workflowId, hold])).values()];
}
