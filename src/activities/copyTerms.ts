import { ApplicationFailure } from '@temporalio/common';
import type { CopyTerms } from '../model/copy';
import { fixedDurationMs } from '../model/duration';
import { FAILURE } from '../model/failures';
import type { BackupPolicy } from '../model/policy';
import { lockTerms } from '../model/lock';
import { retentionTerms } from '../model/retentionTerms';
import { targetKey, type Target } from '../model/target';
import type { ActivityDeps } from './deps';
import { usableKey } from './keyChecks';

/**
 * What a policy's runs need to copy points, checked before there are any: the region is another one, the accounts
 * file allows it, and the key can be used there.
 *
 * @throws ApplicationFailure InvalidInput, TargetNotAllowed, KeyUnusable
 */
export async function copyTermsOf(
  deps: ActivityDeps,
  policy: BackupPolicy,
  targets: readonly Target[],
): Promise<CopyTerms[]> {
  const terms: CopyTerms[] = [];
  for (const {
    toRegion,
    kmsKeyId,
    retention = policy.retention,
    within,
    lock = policy.lock,
  } of policy.copies ?? []) {
    const kept = retentionTerms(retention);
    for (const target of targets) {
      if (target.region === toRegion) throw toItself(target);
      const [place] = await deps.aws.resolve([{ accountId: target.accountId, region: toRegion }]);
      if (kmsKeyId !== undefined && place) await usableKey(deps, place, kmsKeyId);
    }
    terms.push({
      toRegion,
      retention: kept,
      ...(lock && { lock: lockTerms(lock, kept) }),
      ...(kmsKeyId !== undefined && { kmsKeyId }),
      ...(within !== undefined && { withinMinutes: (fixedDurationMs(within) ?? 0) / 60_000 }),
    });
  }
  return terms;
}

function toItself(target: Target): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `copies: ${target.region} is a target of this policy (${targetKey(target)}); name another region to copy to`,
    FAILURE.invalidInput,
  );
}
