import { expiryOf, periodStart } from '../calendar/calendar';
import { meanIntervalMs, rhythmOf } from '../calendar/timetable';
import { compareCosts, type CostComparison } from '../model/cost/comparison';
import { costTerms } from '../model/policies/estimate';
import { PRICES } from '../model/cost/prices';
import { createBackupPolicyInput, type BackupPolicy } from '../model/policies/policy';
import { retentionTerms } from '../model/points/retentionTerms';
import { isOneTarget } from '../model/target';
import { readPolicyFiles } from './policyFile';

export interface CostRequest {
  /** Policy files, or folders of them; the fleet is shared evenly among them. */
  files: readonly string[];
  volumes: number;
  /** The same seed gives the same fleet. */
  seed: number;
}

/**
 * A simulated year of these policies beside the naive way and beside the same retention without an archive. Connects
 * to nothing.
 *
 * @throws PolicyFileError
 */
export function costOfPolicies({ files, volumes, seed }: CostRequest): CostComparison {
  const policies = readPolicyFiles(files).map((written) => {
    const policy = createBackupPolicyInput.parse(written);
    return { policyName: policy.policyName, terms: termsOf(policy) };
  });
  return compareCosts({ policies, volumes, seed, rules: { periodStart, expiryOf } });
}

function termsOf(policy: BackupPolicy) {
  const now = Date.now();
  const { longestMs, timetable } = rhythmOf(policy, now);
  const everyMs = meanIntervalMs({ frequencyMs: longestMs, timetable, timezone: policy.timezone }, now);
  const copies = (policy.copies ?? []).map(({ toRegion, retention, archive }) => ({
    toRegion,
    archive,
    retention: retentionTerms(retention ?? policy.retention),
  }));
  const region = policy.targets?.find(isOneTarget)?.region ?? PRICES.region;
  return costTerms({ ...policy, retention: retentionTerms(policy.retention), copies }, everyMs, region);
}
