import { continueAsNew, patched, workflowInfo } from '@temporalio/workflow';
import {
  enforceExpiryInput,
  type EnforceExpiryInput,
  type EnforceExpiryResult,
} from '../../model/retention/expiry';
import { nothingExpired, sumOfExpiry, type ExpirySum } from '../../model/retention/expirySum';
import { listed } from '../../model/list';
import type { Target } from '../../model/target';
import { Place, type PlaceProgress } from './place';
import { settle } from '../support/failure';
import { runOperation } from '../support/operation';
import { read, readMany } from '../support/options';

/** All that one run leaves to the one that continues it as new. */
export interface CarriedExpiry {
  sum: ExpirySum;
  /** Places that are still to be done: the one that is under way first. */
  targets: Target[];
  progress: PlaceProgress;
}

/**
 * Deletes the recovery points whose time is over, place by place, under rules that never delete the last good ones
 * (src/model/points/retention.ts). What Holdfast did not make is not looked at.
 */
export async function enforceExpiry(
  input: EnforceExpiryInput,
  carried?: CarriedExpiry,
): Promise<EnforceExpiryResult> {
  return runOperation(enforceExpiryInput, input, async ({ targets: asked, dryRun }, run) => {
    run.phase('Resolving targets');
    const targets = carried?.targets ?? (await read('Resolve targets').resolveTargets({ targets: asked }));
    if (targets[0] && targets.length === 1) run.about({ target: targets[0] });
    // When the policies cannot be read, nothing is deleted: one of them may be paused.
    const policies = await readMany('Read the policies').policiesNow();
    const unreadable = policies.flatMap((policy) => (policy.unreadable ? policy.policyName : []));
    for (const name of unreadable)
      run.remark(`Policy ${name} cannot be read, and all of its points stay: apply it again, or delete it.`);
    run.phase(dryRun ? 'Deciding' : 'Expiring');
    let sum = carried?.sum ?? nothingExpired();
    for (const [at, target] of targets.entries()) {
      const place = new Place(target, run, at === 0 ? carried?.progress : undefined);
      await place.expire(policies, dryRun, async () => {
        // 30,000 points that are due at once are more than a history holds.
        if (!workflowInfo().continueAsNewSuggested || !patched('expiry-continues-as-new')) return;
        await continueAsNew<typeof enforceExpiry>(input, {
          sum: sumOfExpiry(sum, place.sum),
          targets: targets.slice(at),
          progress: place.carried,
        });
      });
      sum = sumOfExpiry(sum, place.sum);
    }
    return settle(
      { dryRun, ...sum, unreadablePolicies: listed(unreadable) },
      {
        what: 'recovery points or targets',
        succeeded: sum.expired.total + sum.kept.total,
        failed: sum.failed.total,
      },
    );
  });
}
