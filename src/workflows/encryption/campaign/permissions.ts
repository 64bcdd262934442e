import type { Strategy } from '../../../model/moves/strategy';
import type { Target } from '../../../model/target';
import type { Run } from '../../support/operation';
import { read } from '../../support/options';
import type { CampaignPlan } from './planning';
import { itemOf } from './fleet';
import type { MovePlan } from '../../../model/machines/facts';
import { inChunks } from '../../../model/group';

type Planned = MovePlan & { strategy: { name: Strategy } } & ({ instanceId: string } | { volumeId: string });

/** Machines that are asked about together, once one of them has shown that something is denied. */
const ASKED_AT_ONCE = 10;

/** One after the other, and each may wait for its turn among other calls. */
const PATIENCE = { startToCloseTimeout: '2 minutes' } as const;

/** @throws ApplicationFailure KeyUnusable where the role that migrates cannot use the key, not through EC2 either */
export async function requireKeyUse(target: Target, kmsKeyArn: string, run: Run): Promise<void> {
  const open = await read('Ask whether the role may use the key').requireKeyUse({ target, kmsKeyArn });
  if (open.length === 0) return;
  const actions = open.map((operation) => `kms:${operation}`).join(', ');
  run.remark(
    `Whether EBS may use the key on behalf of the role cannot be told in advance: ${actions}. IAM policies decide.`,
  );
}

/**
 * Blocks what the role may not move. Of machines that are alike one is asked about, for a dry run is a call like any
 * other; only where something is denied, which may lie in that machine's tags, all of them are.
 */
export async function blockForbidden(plan: CampaignPlan, run: Run): Promise<void> {
  plan.machines = await keepPermitted(plan, plan.machines, run);
  plan.volumes = await keepPermitted(plan, plan.volumes, run);
}

async function keepPermitted<Item extends Planned>(
  plan: CampaignPlan,
  items: Item[],
  run: Run,
): Promise<Item[]> {
  const [first, ...others] = items;
  if (!first) return [];
  const { denied, unconfirmed } = await probePermissions(first);
  if (unconfirmed.length > 0) {
    const list = unconfirmed.map(({ action, why }) => `${action} (${why})`).join(', ');
    run.remark(`Whether the role may do this cannot be told in advance: ${list}.`);
  }
  if (denied.length === 0) return items;
  const only = denied.map(({ action }) => action);
  const answers = [{ item: first, denied }];
  for (const page of inChunks(others, ASKED_AT_ONCE)) {
    answers.push(
      ...(await Promise.all(
        page.map(async (item) => ({ item, denied: (await probePermissions(item, only)).denied })),
      )),
    );
  }
  const isPermitted = ({ denied: { length } }: (typeof answers)[number]) => length === 0;
  for (const answer of answers)
    if (!isPermitted(answer))
      plan.blocked.push({ item: itemOf(answer.item), reasons: answer.denied.map(({ reason }) => reason) });
  return answers.filter(isPermitted).map(({ item }) => item);
}

function probePermissions(item: Planned, only?: string[]) {
  const { target, kmsKeyArn, disks, strategy } = item;
  const plan = { ...item, target, kmsKeyArn, disks };
  return read(`Ask what the role may do with ${itemOf(item)}`, PATIENCE).probePermissions({
    plan,
    strategy: strategy.name,
    only,
  });
}
