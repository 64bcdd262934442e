import { isCancellation } from '@temporalio/workflow';
import { enforceExpiryInput, type EnforceExpiryInput, type EnforceExpiryResult } from '../model/expiry';
import { listed } from '../model/list';
import type { FailedItem } from '../model/outcome';
import type { KeptPoint, PolicyNow } from '../model/retention';
import { sumOfOthers, type OthersCount } from '../model/snapshotOwner';
import { targetKey, type Target } from '../model/target';
import { failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { batch, read } from './support/options';

type Expired = EnforceExpiryResult['expired']['items'][number];
type Kept = EnforceExpiryResult['kept']['items'][number];

type Points = { recoveryPointId: string; snapshotIds: string[] }[];

interface Found {
  expired: Expired[];
  expiredTotal: number;
  kept: Kept[];
  keptTotal: number;
  keptByReason: EnforceExpiryResult['keptByReason'];
  others: OthersCount;
  archived: EnforceExpiryResult['archived']['items'];
  notArchived: NonNullable<EnforceExpiryResult['notArchived']>['items'];
  notOurs: NonNullable<EnforceExpiryResult['notOurs']>['items'];
  notOursTotal: number;
  failed: FailedItem[];
}

/**
 * Deletes the recovery points whose time is over, place by place, under rules that never delete the last good ones
 * (src/model/retention.ts). What Holdfast did not make is not looked at.
 */
export async function enforceExpiry(input: EnforceExpiryInput): Promise<EnforceExpiryResult> {
  return operation(enforceExpiryInput, input, async ({ targets: asked, dryRun }, run) => {
    run.phase('Resolving targets');
    const targets = await read('Resolve targets').resolveTargets({ targets: asked });
    if (targets[0] && targets.length === 1) run.about({ target: targets[0] });
    // When the policies cannot be read, nothing is deleted: one of them may be paused.
    const policies = await read('Read the policies').policiesNow();
    run.phase(dryRun ? 'Deciding' : 'Expiring');
    const found: Found = {
      expired: [],
      expiredTotal: 0,
      kept: [],
      keptTotal: 0,
      keptByReason: {},
      others: { awsBackup: 0, dlm: 0 },
      archived: [],
      notArchived: [],
      notOurs: [],
      notOursTotal: 0,
      failed: [],
    };
    for (const target of targets) await expire(target, policies, dryRun, found, run);
    const result = {
      dryRun,
      expired: listed(found.expired, found.expiredTotal),
      kept: listed(found.kept, found.keptTotal),
      keptByReason: found.keptByReason,
      archived: listed(found.archived),
      notArchived: listed(found.notArchived),
      notOurs: listed(found.notOurs, found.notOursTotal),
      others: found.others,
      failed: listed(found.failed),
    };
    return settle(result, {
      what: 'recovery points or targets',
      succeeded: found.expiredTotal + found.keptTotal,
      failed: found.failed.length,
    });
  });
}

/** Targets do not depend on each other: one that cannot be read is reported. */
async function expire(
  target: Target,
  policies: PolicyNow[],
  dryRun: boolean,
  found: Found,
  run: Run,
): Promise<void> {
  const name = targetKey(target);
  run.row(name, 'deciding');
  const tried: string[] = [];
  let deleted = 0;
  try {
    for (let first = true; ; first = false) {
      const plan = await batch(`Decide what expires in ${name}`).planExpiry({
        target,
        policies,
        except: tried,
      });
      if (first) {
        found.kept.push(...plan.kept.map((kept) => ({ target, ...kept })));
        found.keptTotal += plan.keptTotal;
        addReasons(found.keptByReason, plan.keptByReason);
        found.others = sumOfOthers(found.others, plan.others);
        found.notOurs.push(...(plan.strangers ?? []).map((stranger) => ({ target, ...stranger })));
        found.notOursTotal += plan.strangersTotal ?? 0;
      }
      if (dryRun) {
        found.expired.push(...plan.expired.map((point) => ({ target, ...point })));
        found.expiredTotal += plan.expiredTotal;
        note(target, plan.archive, found);
        return run.row(name, 'decided', `${plan.expiredTotal} would go, ${plan.keptTotal} stay`);
      }
      if (plan.expired.length === 0) {
        await archive(target, plan.archive, found);
        return run.row(name, 'done', `${deleted} deleted, ${found.keptTotal} kept`);
      }
      const outcome = await batch(`Delete ${plan.expired.length} points in ${name}`).deletePoints({
        target,
        points: plan.expired,
      });
      found.expired.push(
        ...plan.expired
          .filter(({ recoveryPointId }) => outcome.deleted.includes(recoveryPointId))
          .map((point) => ({ target, ...point })),
      );
      found.expiredTotal += outcome.deleted.length;
      found.failed.push(...outcome.failed);
      keepAfterAll(target, outcome.kept ?? [], found);
      deleted += outcome.deleted.length;
      // A point that could not be deleted must not come back for ever; one just deleted may still be listed.
      tried.push(...plan.expired.map(({ recoveryPointId }) => recoveryPointId));
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = failedItem(name, error);
    found.failed.push(failure);
    run.row(name, 'failed', failure.message);
  }
}

/** A batch of them each hour: nothing is in a hurry that waits for weeks. */
async function archive(target: Target, points: Points, found: Found): Promise<void> {
  if (points.length === 0) return;
  const {
    archived,
    failed,
    left = [],
  } = await batch(`Archive ${points.length} points in ${targetKey(target)}`).archivePoints({
    target,
    points,
  });
  note(
    target,
    points.filter(({ recoveryPointId }) => archived.includes(recoveryPointId)),
    found,
  );
  found.failed.push(...failed);
  found.notArchived.push(...left.map((point) => ({ target, ...point })));
}

/** What came between the decision and the deletion. */
function keepAfterAll(target: Target, points: KeptPoint[], found: Found): void {
  found.kept.push(...points.map((kept) => ({ target, ...kept })));
  found.keptTotal += points.length;
  for (const { reason } of points) addReasons(found.keptByReason, { [reason]: 1 });
}

function note(target: Target, points: Points, found: Found): void {
  found.archived.push(...points.map(({ recoveryPointId }) => ({ target, recoveryPointId })));
}

function addReasons(
  all: EnforceExpiryResult['keptByReason'],
  more: EnforceExpiryResult['keptByReason'],
): void {
  for (const [reason, count] of Object.entries(more) as [keyof typeof more, number][])
    all[reason] = (all[reason] ?? 0) + count;
}
