import { continueAsNew, ContinueAsNew, isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import { FAILURE } from '../../model/failures';
import { and, listed } from '../../model/list';
import type { AbandonedShare } from '../../model/operations/orphans';
import type { FailedItem } from '../../model/outcome';
import type { KeptPoint } from '../../model/points/retention';
import { sumOfOthers } from '../../model/points/snapshotOwner';
import {
  sweepOrphansInput,
  type SweepOrphansInput,
  type SweepOrphansResult,
} from '../../model/operations/sweep';
import { targetKey, type Target } from '../../model/target';
import { failedItem, settle } from '../support/failure';
import { runOperation, type Run } from '../support/operation';
import { batch, mutate, read } from '../support/options';

type Swept = Omit<SweepOrphansResult, 'dryRun'> & {
  /** Sources of which last points may go, in one of the targets. */
  released?: string[];
};

/** How far a target is that a run continues. */
interface SweepProgress {
  deleted: number;
  /** Snapshots that could not be deleted: they must not come back for ever. */
  left: string[];
}

/** All that one run leaves to the one that continues it as new. */
export interface CarriedSweep {
  swept: Swept;
  /** Those that are still to be swept: the one that is under way first. */
  targets: Target[];
  progress: SweepProgress;
}

/**
 * Finds what crashed and terminated runs left behind with Holdfast's marks, and removes what nobody can miss
 * (src/model/operations/orphans.ts). A dry run unless told otherwise; what AWS Backup and DLM look after is counted only.
 */
export async function sweepOrphans(
  input: SweepOrphansInput,
  carried?: CarriedSweep,
): Promise<SweepOrphansResult> {
  return runOperation(sweepOrphansInput, input, async ({ targets: asked, dryRun, letGo = [] }, run) => {
    const targets = carried?.targets ?? (await read('Resolve targets').resolveTargets({ targets: asked }));
    if (targets[0] && targets.length === 1) run.about({ target: targets[0] });
    run.phase(dryRun ? 'Looking' : 'Sweeping');
    const swept = carried?.swept ?? nothingSwept();
    for (const [at, target] of targets.entries()) {
      const before = at === 0 ? carried?.progress : undefined;
      try {
        await sweep(target, { dryRun, letGo, swept, run, before }, async (progress) => {
          if (!workflowInfo().continueAsNewSuggested || !patched('sweep-continues-as-new')) return;
          await continueAsNew<typeof sweepOrphans>(input, { swept, targets: targets.slice(at), progress });
        });
      } catch (error) {
        if (isCancellation(error) || error instanceof ContinueAsNew) throw error;
        const failure = failedItem(targetKey(target), error);
        swept.failed = and(swept.failed, [failure]);
        run.row(targetKey(target), 'failed', failure.message);
      }
    }
    const { released = [], ...told } = swept;
    const unknown = letGo.filter((id) => !released.includes(id));
    told.failed = and(told.failed, unknown.map(notEnded));
    return settle(
      { dryRun, ...told },
      {
        what: 'orphans or targets',
        succeeded: targets.length + told.deleted.total - told.failed.total,
        failed: told.failed.total,
      },
    );
  });
}

function nothingSwept(): Swept {
  const others = { awsBackup: 0, dlm: 0 };
  return { found: listed([]), deleted: listed([]), others, failed: listed([]) };
}

interface Sweeping {
  dryRun: boolean;
  letGo: string[];
  swept: Swept;
  run: Run;
  before: SweepProgress | undefined;
}

/** @param checkpoint is reached after each batch */
async function sweep(
  target: Target,
  sweeping: Sweeping,
  checkpoint: (progress: SweepProgress) => Promise<void>,
): Promise<void> {
  const { dryRun, swept, run, before } = sweeping;
  const name = targetKey(target);
  run.row(name, 'looking');
  if (!before && patched('last-points-are-told')) await sweepEndedPoints(target, sweeping);
  const shares = await batch(`Look for what is still shared from ${name}`).findAbandonedShares({ target });
  if (!before) swept.found = and(swept.found, shares.map(asOrphan(target)));
  const progress = before ?? { deleted: 0, left: [] };
  // What was deleted a moment ago may still be listed.
  let justTried: string[] = [];
  for (let first = before === undefined; ; first = false) {
    const { found, snapshotIds, others } = await batch(`Look for orphans in ${name}`).findOrphans({
      target,
      except: [...progress.left, ...justTried],
    });
    if (first) {
      const orphans = found.items.map((orphan) => ({ target, ...orphan }));
      swept.found = and(swept.found, orphans, found.total);
      swept.others = sumOfOthers(swept.others, others);
    }
    if (dryRun)
      return run.row(
        name,
        'looked at',
        `${found.total + shares.length} found, ${snapshotIds.length} removable`,
      );
    if (snapshotIds.length === 0) break;
    const outcome = await batch(`Delete ${snapshotIds.length} snapshots in ${name}`).deleteOrphans({
      target,
      snapshotIds,
    });
    swept.deleted = and(swept.deleted, outcome.deleted);
    swept.failed = and(swept.failed, outcome.failed);
    progress.deleted += outcome.deleted.length;
    const deleted = new Set(outcome.deleted);
    progress.left.push(...snapshotIds.filter((id) => !deleted.has(id)));
    justTried = outcome.deleted;
    if (progress.left.length >= MOST_LEFT) break;
    await checkpoint(progress);
  }
  await takeSharesBack(target, shares, swept);
  run.row(name, 'swept', `${progress.deleted + shares.length} removed`);
}

/** Of what nobody backs up any more; they go where a person says so, and where nothing else keeps them. */
async function sweepEndedPoints(target: Target, { dryRun, letGo, swept }: Sweeping): Promise<void> {
  const name = targetKey(target);
  const left: string[] = [];
  // What was deleted a moment ago may still be listed.
  let justTried: string[] = [];
  for (let batches = 0; ; batches++) {
    const look = batch(`Look for the last points of what has ended in ${name}`);
    const { found, points, stays, ...here } = await look.findEndedPoints({
      target,
      letGo,
      except: [...left, ...justTried],
    });
    if (batches === 0) {
      swept.found = and(
        swept.found,
        found.items.map((orphan) => ({ target, ...orphan })),
        found.total,
      );
      swept.released = [...new Set([...(swept.released ?? []), ...here.letGo])];
      if (!dryRun) swept.failed = and(swept.failed, stays ?? []);
    }
    if (dryRun || points.length === 0) return;
    if (left.length >= MOST_LEFT || batches === MOST_BATCHES) {
      swept.failed = and(swept.failed, [leftForLater(name)]);
      return;
    }
    const deleting = batch(`Delete ${points.length} last points in ${name}`);
    const { deleted, failed, kept = [] } = await deleting.deletePoints({ target, points, letGo });
    swept.deleted = and(swept.deleted, deleted);
    swept.failed = and(swept.failed, [...failed, ...kept.map(keptPoint)]);
    justTried = deleted;
    const gone = new Set(deleted);
    left.push(...points.flatMap(({ recoveryPointId: id }) => (gone.has(id) ? [] : id)));
  }
}

function keptPoint({ recoveryPointId, reason }: KeptPoint): FailedItem {
  return { item: recoveryPointId, type: FAILURE.conflict, message: `${recoveryPointId} stays: ${reason}` };
}

function leftForLater(place: string): FailedItem {
  const message = `letGo: more points in ${place} wait to be let go; run it again`;
  return { item: place, type: FAILURE.partialFailure, message };
}

function notEnded(item: string): FailedItem {
  const message = `letGo: ${item} has no points in these targets that could go: they are not past their time, something else keeps them, or it is backed up still`;
  return { item, type: FAILURE.notFound, message };
}

/** With so many that could not be deleted the rest waits for the next run. */
const MOST_LEFT = 1000;
/** Of last points: what one history holds with room to spare. */
const MOST_BATCHES = 300;

async function takeSharesBack(target: Target, shares: AbandonedShare[], swept: Swept): Promise<void> {
  for (const share of shares) {
    try {
      await takeShareBack(target, share);
      swept.deleted = and(swept.deleted, [share.workflowId]);
    } catch (error) {
      if (isCancellation(error)) throw error;
      swept.failed = and(swept.failed, [failedItem(share.workflowId, error)]);
    }
  }
}

function asOrphan(target: Target) {
  return ({ workflowId, snapshots, kmsKeyIds, partner }: AbandonedShare) => {
    const reason = `it was terminated, and ${partner} still sees ${snapshots} snapshots and may use ${kmsKeyIds.length} keys`;
    return { target, kind: 'share' as const, resourceId: workflowId, reason, removable: true };
  };
}

async function takeShareBack(
  target: Target,
  { job, partner, kmsKeyIds, grantName }: AbandonedShare,
): Promise<void> {
  await batch(`Take the snapshots back from ${partner}`).unshareSlot({ job, partner });
  if (kmsKeyIds.length > 0)
    await mutate(`Take ${kmsKeyIds.length} keys back from ${partner}`).revokeKeyUse({
      target,
      kmsKeyIds,
      partner,
      name: grantName,
    });
}
