import { inYamlWords, type OperationResult, type PolicyPlan, type PolicyState } from '../client';
import { keptCount } from '../model/machines/keptVolume';
import { targetKey, type Target } from '../model/target';
import { table } from './table';
import { count, counts } from './words';

export function existingText({ changed, goes, dryRun }: OperationResult<'applyRetention'>): string {
  const would = `  ${count(changed, 'point that is there', 'points that are there')} ${dryRun ? 'would get' : 'got'} other terms, and ${goes} of all expire by them`;
  return dryRun && changed > 0 ? `${would}; add --yes where that is meant` : would;
}

export function listText(states: readonly PolicyState[]): string {
  if (states.length === 0)
    return 'there are no policies; make one with: holdfast policy apply policies/*.yaml';
  return table(
    ['POLICY', 'EVERY', 'KEPT', 'COPIES', 'STATE', 'NEXT RUN', 'LAST SLOT', 'LATE BY', 'OUTCOME'],
    states.map(({ policyName, every, retention, copies, state, nextRun, lastRun }) => [
      policyName,
      every,
      retention,
      copies.join(' ') || '-',
      state,
      nextRun ?? '-',
      lastRun?.slot ?? '-',
      lastRun?.lateBy ?? '-',
      lastRun?.outcome ?? '-',
    ]),
  );
}

export function planText(plan: PolicyPlan): string {
  const {
    policyName,
    change,
    changes,
    targets,
    completeWithin,
    copiedWithin,
    clocks = [],
    remarks = [],
    problems,
  } = plan;
  return [
    `${policyName}: ${change}`,
    ...changes.map((line) => `  ${inYamlWords(line)}`),
    ...targets.map(
      (each) =>
        `  ${targetKey(each.target)}: ${selectedText(each)}${each.leftOut ? `; ${keptCount(each.leftOut)} left out` : ''}`,
    ),
    `  a run takes ${completeWithin} at least${copiedWithin ? `, ${copiedWithin} with its copies` : ''}`,
    ...costText(plan),
    ...[...clocks, ...remarks].map((note) => `  ! ${note}`),
    ...problems.map((problem) => `  ✗ ${inYamlWords(problem)}`),
  ].join('\n');
}

function selectedText({ instances, volumesAlone, volumes, gib }: PolicyPlan['targets'][number]): string {
  const selected = counts(
    [instances, 'instance'],
    [volumesAlone, 'volume by itself', 'volumes by themselves'],
  );
  return volumes > 0 ? `${selected}, ${count(volumes, 'volume')} of ${gib} GiB in all` : selected;
}

function costText({ cost: { by, prices } }: PolicyPlan): string[] {
  const range = (pick: (each: (typeof by)[number]) => number) =>
    by.map((each) => Math.round(pick(each))).join(' / ');
  const changes = by.map(({ dailyChange }) => dailyChange * 100).join(' / ');
  return [
    `  at ${changes} % changed a day: ${range(({ firstYear }) => firstYear)} ${prices.currency} in the first year, then ${range(({ monthAfterwards }) => monthAfterwards)} a month`,
  ];
}

/** What neither the policies that exist nor any of the planned ones selects. */
export function unprotectedText(plans: readonly PolicyPlan[]): string {
  const missed = plans.flatMap(({ unprotected }) => unprotected.items);
  const looked = (target: Target) =>
    plans.filter(({ targets }) => targets.some((each) => targetKey(each.target) === targetKey(target)));
  const byEvery = missed.filter(
    ({ resourceId, target }, index) =>
      missed.findIndex((each) => each.resourceId === resourceId) === index &&
      looked(target).every(({ unprotected }) =>
        unprotected.items.some((each) => each.resourceId === resourceId),
      ),
  );
  const isAll = plans.every(({ unprotected }) => !unprotected.truncated);
  if (byEvery.length === 0 && isAll)
    return 'every instance and standalone volume there is selected by a policy';
  return [
    'No policy selects',
    ...byEvery.map(
      ({ resourceId, name, target }) => `  ${resourceId}${name ? ` (${name})` : ''} in ${targetKey(target)}`,
    ),
    ...(isAll ? [] : ['  … and more; only the first 100 of each plan are compared']),
  ].join('\n');
}
