import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import {
  encryptVolumesInput,
  type Campaign,
  type CampaignState,
  type EncryptVolumesInput,
  type EncryptVolumesResult,
} from '../../../model/encryption/campaign/campaign';
import { fixedDurationMs } from '../../../model/duration';
import { FAILURE } from '../../../model/failures';
import { keptCount } from '../../../model/machines/keptVolume';
import type { Residue } from '../../../model/encryption/residue';
import { targetKey, type Target } from '../../../model/target';
import { itemOf, MachineFleet, type CarriedFleet } from './fleet';
import { CampaignOrders, type CarriedOrders } from './orders';
import { dryRunResult, countNothingToDo, findResidue, resultOfCampaign } from './result';
import {
  campaignOf,
  itemsOfPlan,
  planMachines,
  requireWindow,
  type CampaignPlan,
  type Selection,
} from './planning';
import { blockForbidden, requireKeyUse } from './permissions';
import { blockBeyondQuotas } from './quotas';
import { awaitApproval, findWarnings } from './warnings';
import { Waves, type MigrationTerms } from './waves';
import { fail, settle } from '../../support/failure';
import { requireCustomerManagedKey } from '../../keys/customerManaged';
import { runOperation, type CarriedRun, type Run } from '../../support/operation';
import { read } from '../../support/options';
import { resolveTarget } from '../../support/target';

/** All that one run leaves to the one that continues it as new. */
export interface CarriedCampaign {
  campaign: CampaignState;
  orders: CarriedOrders;
  fleet: CarriedFleet;
  run: CarriedRun;
}

/**
 * Moves machines to volumes that are encrypted under a customer managed key: plans all of them, waits for approval
 * where that was asked for, and migrates them in waves, each in a workflow of its own that outlives this one.
 * A machine counts as encrypted when it runs on its new volumes; its originals are kept until its `commit`.
 */
export async function encryptVolumes(
  input: EncryptVolumesInput,
  carried?: CarriedCampaign,
): Promise<EncryptVolumesResult> {
  return runOperation(encryptVolumesInput, input, async (request, run) => {
    // Before the handlers, which may be told of a machine's end as soon as they are set.
    if (carried) run.restore(carried.run);
    const question = request.requireApproval && { question: {} };
    const orders = new CampaignOrders(run, carried?.orders ?? { paused: false, cancelled: [], ...question });
    const fleet = new MachineFleet(orders, run, soakMs(request), carried?.fleet ?? { open: [], ends: [] });
    run.about({ campaign: workflowInfo().workflowId });
    const decided = carried ? carried.campaign : await prepareCampaign(request, orders, run);
    if ('summary' in decided) return decided;
    orders.limitTo(() => itemsOf(decided, fleet));
    run.phase('Migrating');
    fleet.checkpoint = async () => {
      if (!workflowInfo().continueAsNewSuggested) return;
      const parts = { orders: orders.carried(), fleet: fleet.carried(), run: run.carried() };
      await continueAsNew<typeof encryptVolumes>(input, { campaign: decided, ...parts });
    };
    const waves = new Waves(decided, request, migrationTerms(request, decided), { run, orders, fleet });
    await fleet.cancelOpenOnFailure(() => waves.migrate());
    return settleCampaign(decided, fleet, await findResidue(decided.target, run));
  });
}

/** Everything before the first change: a dry run ends here, with its result. */
async function prepareCampaign(
  request: Campaign,
  orders: CampaignOrders,
  run: Run,
): Promise<CampaignState | EncryptVolumesResult> {
  const plan = await planCampaign(request, run);
  if (request.dryRun) return dryRunResult(plan, request);
  orders.limitTo(() => itemsOfPlan(plan));
  await awaitApproval(plan, request, orders, run);
  return campaignOf(plan, request);
}

async function planCampaign(request: Campaign, run: Run): Promise<CampaignPlan> {
  run.phase('Planning');
  const target = await resolveTarget(request.target);
  run.about({ target });
  const kmsKeyArn = await requireCustomerManagedKey(target, request.kmsKeyId);
  await requireKeyUse(target, kmsKeyArn, run);
  const { strategy, rekey, healthChecks, allow, drain, hooks } = request;
  const asked = { strategy, rekey, healthChecks, allow };
  const wanted = { kmsKeyArn, ...asked, ...(drain && { drain }), ...(hooks && { hooks }) };
  const plan = await planMachines(target, await selectMachines(target, request), wanted, run);
  await requireWindow(plan, request);
  await blockForbidden(plan, run);
  await blockBeyondQuotas(plan, run);
  await findWarnings(plan, run);
  for (const { item, reasons } of plan.blocked) run.row(item, 'blocked', reasons.join('; '));
  return plan;
}

/** Undefined where it does not carry all: of those that are not moved it keeps so many. */
function itemsOf({ waves, blocked, nothingToDo }: CampaignState, fleet: MachineFleet): string[] | undefined {
  if (blocked.truncated || nothingToDo.truncated) return undefined;
  const left = [...blocked.items, ...nothingToDo.items].map(({ item }) => item);
  return [...waves.flat().map(itemOf), ...left, ...fleet.items];
}

function soakMs({ soak }: Campaign): number | undefined {
  return soak === undefined ? undefined : fixedDurationMs(soak);
}

function migrationTerms(request: Campaign, { target, kmsKeyArn }: CampaignState): MigrationTerms {
  return {
    target,
    kmsKeyArn,
    strategy: request.strategy,
    rekey: request.rekey,
    healthChecks: request.healthChecks,
    allow: request.allow,
    ...(request.drain && { drain: request.drain }),
    reserveCapacity: request.reserveCapacity,
    ...(request.hooks && { hooks: request.hooks }),
    maxDowntimeMs: fixedDurationMs(request.maxDowntime) ?? 0,
    soakMs: soakMs(request),
    campaignId: workflowInfo().workflowId,
  };
}

async function selectMachines(
  target: Target,
  { instanceIds, volumeIds, selector }: Campaign,
): Promise<Selection> {
  const found = await read('Select machines').selectMachines({ target, instanceIds, volumeIds, selector });
  const { refused = [], leftOut } = found;
  if (found.instanceIds.length + found.standalone.length + refused.length > 0) return found;
  const but = leftOut ? ` but ${keptCount(leftOut.total)}` : '';
  throw fail(
    FAILURE.nothingSelected,
    `nothing in ${targetKey(target)}${but} matches ${JSON.stringify(selector)}`,
  );
}

/** A machine that must not be touched is skipped and named, and the run says that not everything happened. */
function settleCampaign(
  campaign: CampaignState,
  fleet: MachineFleet,
  residue: Residue | undefined,
): EncryptVolumesResult {
  const result = resultOfCampaign(campaign, fleet.reports, residue);
  const succeeded = result.encrypted.total + countNothingToDo(campaign, fleet.reports);
  return settle(result, { what: 'machines or volumes', succeeded, failed: campaign.total - succeeded });
}
