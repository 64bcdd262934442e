import { workflowInfo } from '@temporalio/workflow';
import {
  encryptVolumesInput,
  type Campaign,
  type EncryptVolumesInput,
  type EncryptVolumesResult,
} from '../model/campaign';
import { fixedDurationMs } from '../model/duration';
import { FAILURE } from '../model/failures';
import { targetKey, type Target } from '../model/target';
import { MachineFleet } from './migration/fleet';
import { CampaignOrders } from './migration/campaignOrders';
import { dryRunResult, nothingToDo, planMachines, resultOf, type CampaignPlan } from './migration/campaign';
import { fail, settle } from './support/failure';
import { operation } from './support/operation';
import { read } from './support/options';
import { onlyTarget } from './support/target';

/**
 * Moves machines to volumes that are encrypted under a customer managed key: plans all of them, waits for approval
 * where that was asked for, and migrates them in a window, each in a workflow of its own that outlives this one.
 * A machine counts as encrypted when it runs on its new volumes; its originals are kept until its `commit`.
 */
export async function encryptVolumes(input: EncryptVolumesInput): Promise<EncryptVolumesResult> {
  return operation(encryptVolumesInput, input, async (request, run) => {
    const orders = new CampaignOrders(run);
    const fleet = new MachineFleet(orders, run);
    const campaignId = workflowInfo().workflowId;
    run.about({ campaign: campaignId });
    run.phase('Planning');
    const target = await onlyTarget(request.target);
    run.about({ target });
    const kmsKeyArn = await customerManagedKey(target, request.kmsKeyId);
    const { strategy, rekey, healthChecks } = request;
    const wanted = { kmsKeyArn, strategy, rekey, healthChecks };
    const plan = await planMachines(target, await selected(target, request), wanted, run);
    if (request.dryRun) return dryRunResult(plan);
    const volumes = movedAlone(plan);
    if (request.requireApproval) await orders.approval(migrated(plan).length, volumes.length);
    run.phase('Migrating');
    const maxDowntimeMs = fixedDurationMs(request.maxDowntime) ?? 0;
    const soakMs = request.soak === undefined ? undefined : fixedDurationMs(request.soak);
    const common = { target, kmsKeyArn, strategy, rekey, soakMs, campaignId };
    const machines = migrated(plan).map((instanceId) => ({
      ...common,
      instanceId,
      maxDowntimeMs,
      healthChecks,
    }));
    await fleet.migrate([...machines, ...volumes.map((volumeId) => ({ ...common, volumeId }))], request);
    return settled(plan, fleet);
  });
}

/** What is half-way goes first: it may be down. */
function migrated({ interrupted, machines }: CampaignPlan): string[] {
  return [...interrupted, ...machines.map(({ instanceId }) => instanceId)];
}

function movedAlone({ interruptedVolumes, volumes }: CampaignPlan): string[] {
  return [...interruptedVolumes, ...volumes.map(({ volumeId }) => volumeId)];
}

/** Nothing under `aws/ebs` can be shared or copied elsewhere, so moving there would be moving twice. */
async function customerManagedKey(target: Target, kmsKeyId: string): Promise<string> {
  const key = await read(`Check ${kmsKeyId}`).requireUsableKey({ target, kmsKeyId });
  if (key.customerManaged) return key.arn;
  throw fail(
    FAILURE.keyUnusable,
    `kmsKeyId: ${kmsKeyId} is managed by AWS; use a customer managed key: createCustomerManagedKey makes one`,
  );
}

interface Selection {
  instanceIds: string[];
  standalone: string[];
}

async function selected(target: Target, { instanceIds, volumeIds, selector }: Campaign): Promise<Selection> {
  const found = await read('Select machines').selectMachines({ target, instanceIds, volumeIds, selector });
  if (found.instanceIds.length + found.standalone.length > 0) return found;
  throw fail(FAILURE.nothingSelected, `nothing in ${targetKey(target)} matches ${JSON.stringify(selector)}`);
}

/** A machine that must not be touched is skipped and named, and the run says that not everything happened. */
function settled(plan: CampaignPlan, fleet: MachineFleet): EncryptVolumesResult {
  const result = resultOf(plan, fleet.reports);
  const succeeded = result.encrypted.total + nothingToDo(plan, fleet.reports);
  const what = movedAlone(plan).length > 0 ? 'machines and volumes' : 'machines';
  return settle(result, { what, succeeded, failed: plan.total - succeeded });
}
