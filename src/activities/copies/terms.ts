import type { ApplicationFailure } from '@temporalio/common';
import { finalFailure } from '../../aws/applicationFailures';
import {
  copyDeadline,
  type Copy,
  type CopyTerms,
  COMPLETION_ALLOWANCE_MS,
  lockOfCopy,
} from '../../model/copies/copy';
import { fixedDurationMs } from '../../model/duration';
import { FAILURE } from '../../model/failures';
import { lockTerms, type Lock } from '../../model/points/lock';
import { retentionTerms, type Retention } from '../../model/points/retentionTerms';
import { targetKey, type Target } from '../../model/target';
import type { ActivityDeps } from '../support/deps';
import { requireUsableKey } from '../keys/checks';
import { copyPlace, placeOfCopy } from '../../model/ids';

/** What a policy says of its copies, and of what they take over from it. */
interface CopyingPolicy {
  copies?: readonly Copy[];
  retention: Retention;
  lock?: Lock;
}

/**
 * What a policy's runs need to copy points, checked before there are any: the place is another one, the accounts
 * file allows it, and the key can be used there.
 *
 * @throws ApplicationFailure InvalidInput, TargetNotAllowed, KeyUnusable
 */
export async function copyTermsOf(
  deps: ActivityDeps,
  policy: CopyingPolicy,
  targets: readonly Target[],
  longestMs: number,
): Promise<CopyTerms[]> {
  const terms: CopyTerms[] = [];
  for (const copy of policy.copies ?? []) {
    await requireUsable(deps, copy, targets);
    const { toRegion, toAccount, kmsKeyId, within } = copy;
    const kept = retentionTerms(copy.retention ?? policy.retention);
    const lock = lockOfCopy(policy, copy);
    terms.push({
      toRegion,
      ...(toAccount !== undefined && { toAccount }),
      retention: kept,
      ...(copy.archive && { archive: copy.archive }),
      ...(lock && { lock: lockTerms(lock, kept) }),
      ...(kmsKeyId !== undefined && { kmsKeyId }),
      ...(within !== undefined && { withinMinutes: (fixedDurationMs(within) ?? 0) / 60_000 }),
      ...deadlineOf(copy, longestMs),
    });
  }
  return terms;
}

function deadlineOf({ rpo }: Copy, longestMs: number): { dueMs?: number; withinMinutes?: number } {
  const rpoMs = rpo === undefined ? undefined : fixedDurationMs(rpo);
  if (rpoMs === undefined) return {};
  const deadline = copyDeadline(rpoMs, longestMs, COMPLETION_ALLOWANCE_MS);
  if ('problem' in deadline) throw invalid(`copies: rpo ${deadline.problem}`);
  return deadline;
}

async function requireUsable(deps: ActivityDeps, copy: Copy, targets: readonly Target[]): Promise<void> {
  const { toRegion, toAccount, kmsKeyId } = copy;
  for (const target of targets) {
    if (target.accountId === toAccount) throw ownVault(target);
    if (toAccount === undefined && target.region === toRegion) throw toItself(target);
    const [place] = await deps.aws.resolve([placeOfCopy(copyPlace(copy), target.accountId)]);
    if (kmsKeyId !== undefined && place) await requireUsableKey(deps, place, kmsKeyId);
  }
}

function toItself(target: Target): ApplicationFailure {
  return invalid(
    `copies: ${target.region} is a target of this policy (${targetKey(target)}); name another region to copy to`,
  );
}

function ownVault(target: Target): ApplicationFailure {
  return invalid(
    `copies: toAccount ${target.accountId} is a target of this policy (${targetKey(target)}); a vault is another account, or leave toAccount out`,
  );
}

function invalid(message: string): ApplicationFailure {
  return finalFailure(FAILURE.invalidInput, message);
}
