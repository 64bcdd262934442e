import { isCancellation } from '@temporalio/workflow';
import { listed, MAX_LISTED } from '../model/list';
import type { AbandonedShare } from '../model/orphans';
import { sumOfOthers } from '../model/snapshotOwner';
import { sweepOrphansInput, type SweepOrphansInput, type SweepOrphansResult } from '../model/sweep';
import { targetKey, type Target } from '../model/target';
import { failedItem, settle } from './support/failure';
import { operation, type Run } from './support/operation';
import { batch, mutate, read } from './support/options';

/**
 * Finds what crashed and terminated runs left behind with Holdfast's marks, and removes what nobody can miss
 * (src/model/orphans.ts). A dry run unless told otherwise; what AWS Backup and DLM look after is counted only.
 */
export async function sweepOrphans(input: SweepOrphansInput): Promise<SweepOrphansResult> {
  return operation(sweepOrphansInput, input, async ({ targets: asked, dryRun }, run) => {
    const targets = await read('Resolve targets').resolveTargets({ targets: asked });
    if (targets[0] && targets.length === 1) run.about({ target: targets[0] });
    run.phase(dryRun ? 'Looking' : 'Sweeping');
    const swept = new Swept();
    for (const target of targets) {
      try {
        await sweep(target, dryRun, swept, run);
      } catch (error) {
        if (isCancellation(error)) throw error;
        swept.failed.push(failedItem(targetKey(target), error));
        run.row(targetKey(target), 'failed', swept.failed.at(-1)?.message);
      }
    }
    return settle(swept.result(dryRun), {
      what: 'orphans or targets',
      succeeded: targets.length + swept.deleted.length - swept.failed.length,
      failed: swept.failed.length,
    });
  });
}

class Swept {
  readonly found: SweepOrphansResult['found']['items'] = [];
  foundTotal = 0;
  readonly deleted: string[] = [];
  readonly failed: SweepOrphansResult['failed']['items'] = [];
  others: SweepOrphansResult['others'] = { awsBackup: 0, dlm: 0 };

  note(target: Target, orphans: readonly Omit<(typeof this.found)[number], 'target'>[], total: number): void {
    this.foundTotal += total;
    const room = Math.max(0, MAX_LISTED - this.found.length);
    this.found.push(...orphans.slice(0, room).map((orphan) => ({ target, ...orphan })));
  }

  result(dryRun: boolean): SweepOrphansResult {
    return {
      dryRun,
      found: listed(this.found, this.foundTotal),
      deleted: listed(this.deleted),
      others: this.others,
      failed: listed(this.failed),
    };
  }
}

async function sweep(target: Target, dryRun: boolean, swept: Swept, run: Run): Promise<void> {
  const name = targetKey(target);
  run.row(name, 'looking');
  const shares = await batch(`Look for what is still shared from ${name}`).findAbandonedShares({ target });
  swept.note(target, shares.map(asOrphan), shares.length);
  const tried: string[] = [];
  let deleted = 0;
  for (let first = true; ; first = false) {
    const { found, snapshotIds, others } = await batch(`Look for orphans in ${name}`).findOrphans({
      target,
      except: tried,
    });
    if (first) {
      swept.note(target, found.items, found.total);
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
    swept.deleted.push(...outcome.deleted);
    swept.failed.push(...outcome.failed);
    deleted += outcome.deleted.length;
    tried.push(...snapshotIds);
  }
  for (const share of shares) {
    try {
      await takeBack(target, share);
      swept.deleted.push(share.workflowId);
    } catch (error) {
      if (isCancellation(error)) throw error;
      swept.failed.push(failedItem(share.workflowId, error));
    }
  }
  run.row(name, 'swept', `${deleted + shares.length} removed`);
}

function asOrphan({ workflowId, snapshots, kmsKeyIds, partner }: AbandonedShare) {
  const reason = `it was terminated, and ${partner} still sees ${snapshots} snapshots and may use ${kmsKeyIds.length} keys`;
  return { kind: 'share' as const, resourceId: workflowId, reason, removable: true };
}

async function takeBack(
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
