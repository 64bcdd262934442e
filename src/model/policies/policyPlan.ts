import type { CostEstimate } from './estimate';
import { formatDuration } from '../duration';
import { nameInstead } from '../machines/keptVolume';
import type { Listed } from '../list';
import { missingEverywhere, notThere } from './missing';
import type { NormalizedPolicy } from './policy';
import { COPIES_AT_ONCE, destinationOf, COMPLETION_ALLOWANCE_MS } from '../copies/copy';
import { targetKey } from '../target';
import type { TargetSurvey, Unprotected } from './survey';

const MINUTE_MS = 60_000;

/** What EC2 allows an account and region: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html, and what a snapshot or copy usually takes there. */
const PENDING_SNAPSHOTS = 100;
const SNAPSHOT_MS = 2 * MINUTE_MS;
const COPY_MS = 3 * MINUTE_MS;

export interface PolicyPlan {
  policyName: string;
  change: 'CREATE' | 'UPDATE' | 'UNCHANGED';
  /** Fields that would change, as `field: from → to`. */
  changes: string[];
  targets: Omit<TargetSurvey, 'unprotected' | 'replaced' | 'missing'>[];
  unprotected: Listed<Unprotected>;
  /** How long AWS's limits make a run take at least, until every snapshot is complete. */
  completeWithin: string;
  /** The same until every copy is complete. */
  copiedWithin?: string;
  cost: CostEstimate;
  /** What the changes of the clocks do to its runs within a year; left out where they change nothing. */
  clocks?: string[];
  /** What the change would not do; left out where there is nothing to say. */
  remarks?: string[];
  /** Why the policy cannot do what it says. */
  problems: string[];
}

/** How long a run takes at least: 100 snapshots of an account and region are pending at once, and 20 copies to a region. */
export function runTimes(policy: NormalizedPolicy, surveys: readonly TargetSurvey[]) {
  const most = Math.max(0, ...surveys.map(({ volumes }) => volumes));
  const completeMs = rounds(most, PENDING_SNAPSHOTS) * SNAPSHOT_MS;
  const perDestination = Math.max(0, ...destinations(policy, surveys));
  return { completeMs, copiedMs: completeMs + rounds(perDestination, COPIES_AT_ONCE) * COPY_MS };
}

/** Volumes to be copied into each account and region: all targets that copy there share its slots. */
function destinations({ copies }: NormalizedPolicy, surveys: readonly TargetSurvey[]): number[] {
  const places = new Map<string, number>();
  for (const { target, volumes } of surveys) {
    for (const terms of copies) {
      const place = targetKey(destinationOf({ target, terms }));
      places.set(place, (places.get(place) ?? 0) + volumes);
    }
  }
  return [...places.values()];
}

function rounds(count: number, atOnce: number): number {
  return Math.ceil(count / atOnce);
}

/** Why a policy cannot do what it says, one sentence each. */
export function planProblems(policy: NormalizedPolicy, surveys: readonly TargetSurvey[]): string[] {
  const isEmpty = surveys.every(({ volumes }) => volumes === 0);
  return [
    ...(isEmpty ? ['selector: it selects nothing in any target'] : []),
    ...missingEverywhere(surveys).map((id) => `selector: ${notThere(id, policy.targets)}`),
    ...surveys.flatMap(({ replaced = [] }) => replaced.map((kept) => `selector: ${nameInstead(kept)}`)),
    ...limitProblems(policy, surveys),
  ];
}

/** Each is one sentence with the sum that does not come out. */
export function limitProblems(policy: NormalizedPolicy, surveys: readonly TargetSurvey[]): string[] {
  const { frequencyMs, rpoMs, copies } = policy;
  const { completeMs, copiedMs } = runTimes(policy, surveys);
  const problems: string[] = [];
  const volumes = surveys.reduce((sum, survey) => sum + survey.volumes, 0);
  const sum = frequencyMs + Math.max(completeMs, COMPLETION_ALLOWANCE_MS);
  if (sum > rpoMs) {
    const complete =
      completeMs > COMPLETION_ALLOWANCE_MS
        ? `${formatDuration(completeMs)} until ${volumes} snapshots are complete, ${PENDING_SNAPSHOTS} at a time,`
        : `${formatDuration(COMPLETION_ALLOWANCE_MS)}, the least that is reckoned until snapshots are complete,`;
    problems.push(
      `rpo: ${formatDuration(rpoMs)} cannot be met: ${formatDuration(frequencyMs)} between runs and ${complete} make ${formatDuration(sum)}`,
    );
  }
  if (completeMs > frequencyMs) {
    problems.push(
      `frequency: a run takes ${formatDuration(completeMs)} at least, longer than the ${formatDuration(frequencyMs)} to the next`,
    );
  }
  if (copies.length > 0 && copiedMs - completeMs > frequencyMs) {
    problems.push(
      `copies: those of a run take ${formatDuration(copiedMs - completeMs)} at least, ${COPIES_AT_ONCE} at a time; the next run begins after ${formatDuration(frequencyMs)}, and the queue would only grow`,
    );
  }
  return problems;
}

const COMPARED = [
  'frequencyMs',
  'timetable',
  'jitterMs',
  'retention',
  'timezone',
  'selector',
  'targets',
  'targetsFrom',
  'rpoMs',
  'minKeep',
  'paused',
  'copies',
  'residency',
  'archive',
  'lock',
  'legalHold',
  'costTags',
  'hooks',
] as const;

export function changesOf(from: NormalizedPolicy, to: NormalizedPolicy): string[] {
  const shown = (value: unknown) => JSON.stringify(value) ?? 'nothing';
  return COMPARED.flatMap((field) =>
    shown(from[field]) === shown(to[field]) ? [] : `${field}: ${shown(from[field])} → ${shown(to[field])}`,
  );
}
