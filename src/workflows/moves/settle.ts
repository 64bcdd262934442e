import { withoutClone, type StrategyPlan } from '../../model/moves/strategy';
import { protect, undo as undoing } from '../support/options';
import type { Migration } from './migration';
import { verifyAsBefore } from './undoing';

/**
 * The strategy that is carried out. EBS makes few volume copies at a time, so a clone claims its place before the stop:
 * where that is not to be had, `auto` takes another strategy, and `clone` waits while the machine runs.
 */
export async function settleStrategy(migration: Migration, planned: StrategyPlan): Promise<StrategyPlan> {
  migration.undo.register('the machine is as before', () =>
    verifyAsBefore(migration, { wasStopped: migration.downtime.hasBegun }),
  );
  const settled = planned.name === 'clone' ? await claimClones(migration, planned) : planned;
  migration.run.remark(`Strategy **${settled.name}**: ${settled.why}.`);
  return settled;
}

async function claimClones(migration: Migration, planned: StrategyPlan): Promise<StrategyPlan> {
  const { plan, id, run, undo } = migration;
  run.phase('Claiming volume copies');
  undo.register('claim of volume copies', () =>
    undoing('Give up the claim of volume copies').releaseClones({ plan }),
  );
  const { refused } = await protect(`Claim ${plan.disks.length} volume copies`).claimClones({
    plan,
    migrationId: id,
    wait: planned.asked === 'clone',
  });
  if (refused === undefined) return planned;
  return withoutClone(refused, { running: plan.wasRunning, disks: plan.disks });
}
