import { isCancellation } from '@temporalio/workflow';
import {
  applyRetentionInput,
  type ApplyRetentionInput,
  type ApplyRetentionResult,
} from '../../model/retention/applyRetention';
import { and, listed } from '../../model/list';
import type { NormalizedPolicy } from '../../model/policies/policy';
import { targetKey, type Target } from '../../model/target';
import { failedItem, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { batch, read } from '../support/options';

/**
 * Gives a policy's terms to points that were made under others, wherever they are. A dry run unless told otherwise; what is
 * due then goes with the next `enforceExpiry`, which never deletes the last good ones.
 */
export async function applyRetention(input: ApplyRetentionInput): Promise<ApplyRetentionResult> {
  return runOperation(applyRetentionInput, input, async ({ policyName, dryRun }, run) => {
    run.about({ policy: policyName });
    run.phase('Reading the policy');
    const policy = await read(`Read ${policyName}`).readPolicy({ policyName });
    const places = await read('Where points may be').holdPlaces({ policies: [policy] });
    const result: ApplyRetentionResult = {
      ...{ policyName, dryRun, changed: 0, goes: 0 },
      places: listed([]),
      failed: listed([]),
    };
    run.phase(dryRun ? 'Looking' : 'Applying');
    for (const target of places) await applyIn(target, policy, result, run);
    return settle(result, {
      what: 'snapshots or places',
      succeeded: places.length,
      failed: result.failed.total,
    });
  });
}

/** Places do not depend on each other: one that cannot be read is reported. */
async function applyIn(
  target: Target,
  policy: NormalizedPolicy,
  result: ApplyRetentionResult,
  run: Run,
): Promise<void> {
  const name = targetKey(target);
  run.row(name, 'looking');
  try {
    const { changed, goes } = await batch(`Look at the points in ${name}`).planNewTerms({ target, policy });
    result.changed += changed;
    result.goes += goes;
    if (changed > 0) result.places = and(result.places, [{ target, changed, goes }]);
    if (!result.dryRun && changed > 0) {
      const { failed } = await batch(`Change the terms of ${changed} points in ${name}`).applyNewTerms({
        target,
        policy,
      });
      result.failed = and(result.failed, failed);
    }
    const what = result.dryRun ? 'would get' : 'got';
    run.row(
      name,
      result.dryRun ? 'looked at' : 'done',
      `${changed} points ${what} other terms; ${goes} expire by them`,
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = failedItem(name, error);
    result.failed = and(result.failed, [failure]);
    run.row(name, 'failed', failure.message);
  }
}
