import { isCancellation } from '@temporalio/workflow';
import type { Makes, QuotaAnswer } from '../../../model/encryption/campaign/quotas';
import type { Target } from '../../../model/target';
import { reasonOf } from '../../support/failure';
import type { Run } from '../../support/operation';
import { batch } from '../../support/options';
import type { CampaignPlan } from './planning';
import { itemOf } from './fleet';

/**
 * Blocks what the region has no room for. New volumes are there beside their originals until the commit, so all that a
 * campaign moves counts together, whatever its waves are.
 */
export async function blockBeyondQuotas(plan: CampaignPlan, run: Run): Promise<void> {
  const planned = [...plan.machines, ...plan.volumes];
  if (planned.length === 0) return;
  const items = planned.map((each) => ({
    item: itemOf(each),
    strategy: each.strategy.name,
    disks: each.disks.map(({ type, size, iops }) => ({ type, size, iops })),
  }));
  const { beyond, unread } = await compareWithQuotas(plan.target, items);
  if (unread) run.remark(`Quotas of EBS were not looked at: ${unread}`);
  const out = new Set(beyond.map(({ item }) => item));
  plan.blocked.push(...beyond);
  plan.machines = plan.machines.filter(({ instanceId }) => !out.has(instanceId));
  plan.volumes = plan.volumes.filter(({ volumeId }) => !out.has(volumeId));
}

/** Bounded: networks without a way to Service Quotas are common, and a campaign can do without. */
const RETRY = { maximumAttempts: 4 } as const;

async function compareWithQuotas(target: Target, items: Makes[]): Promise<QuotaAnswer> {
  try {
    return await batch('Compare with the quotas', { retry: RETRY }).findBeyondQuotas({ target, items });
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { beyond: [], unread: reasonOf(error) };
  }
}
