import { listed } from '../../model/list';
import type { EncryptVolumesResult, SkippedItem } from '../../model/campaign';
import type { PlannedMachine, Surveyed, Wanted } from '../../model/migration';
import { expectation } from '../../model/strategy';
import { workflowIds } from '../../model/ids';
import { formatDuration } from '../../model/duration';
import type { Target } from '../../model/target';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import type { MachineEnd } from './fleet';

/** Machines that are looked at together. */
const PLANNED_AT_ONCE = 10;
/** Pairs of old and new volume ids that a result holds; each migration's own result holds its machine's. */
const MAPPED = 100;

export interface CampaignPlan {
  target: Target;
  /** Machines, and volumes without one, that the campaign was asked about. */
  total: number;
  machines: PlannedMachine[];
  /** Machines that a terminated migration left half-way: they go first. */
  interrupted: string[];
  blocked: SkippedItem[];
  nothingToDo: SkippedItem[];
}

/** Looks at every machine before any is touched; a failure here changes nothing. */
export async function planMachines(
  target: Target,
  { instanceIds, standalone }: { instanceIds: string[]; standalone: string[] },
  wanted: Wanted,
  run: Run,
): Promise<CampaignPlan> {
  const total = instanceIds.length + standalone.length;
  const plan: CampaignPlan = {
    target,
    total,
    machines: [],
    interrupted: [],
    blocked: standalone.map(notAttached),
    nothingToDo: [],
  };
  for (let start = 0; start < instanceIds.length; start += PLANNED_AT_ONCE) {
    const page = instanceIds.slice(start, start + PLANNED_AT_ONCE);
    const decisions = await Promise.all(
      page.map(async (instanceId) => {
        const decision = await read(`Plan ${instanceId}`).surveyMachine({ target, instanceId, ...wanted });
        return { instanceId, decision };
      }),
    );
    // Machines go in the order in which they were asked for, whichever answer came first.
    for (const { instanceId, decision } of decisions) sortIn(plan, instanceId, decision, run);
  }
  for (const { item, reasons } of plan.blocked) run.row(item, 'blocked', reasons.join('; '));
  return plan;
}

function notAttached(volumeId: string): SkippedItem {
  return {
    item: volumeId,
    reasons: ['it is attached to no instance; this version migrates volumes together with their machine'],
  };
}

function sortIn(plan: CampaignPlan, instanceId: string, decision: Surveyed, run: Run): void {
  switch (decision.kind) {
    case 'plan':
      plan.machines.push(decision.plan);
      run.row(
        instanceId,
        'planned',
        `${decision.plan.disks.length} volumes; ${expectation(decision.plan.strategy)}`,
      );
      return;
    case 'interrupted':
      plan.interrupted.push(instanceId);
      run.row(
        instanceId,
        'interrupted',
        `migration ${decision.migrationId} is to be finished or undone first`,
      );
      return;
    case 'blocked':
      plan.blocked.push({ item: instanceId, reasons: decision.reasons });
      return;
    case 'nothing':
      plan.nothingToDo.push({ item: instanceId, reasons: [decision.reason] });
      run.row(instanceId, 'nothing to do', decision.reason);
  }
}

export function dryRunResult(plan: CampaignPlan): EncryptVolumesResult {
  const volumes = plan.machines.reduce((total, { disks }) => total + disks.length, 0);
  return {
    ...resultOf(plan, []),
    summary: `Dry run: ${count(volumes, 'volume')} of ${count(plan.machines.length, 'machine')} would be encrypted; ${plan.interrupted.length} interrupted would be finished or undone first, ${plan.blocked.length} blocked, ${plan.nothingToDo.length} with nothing to do`,
    plan: listed(plan.machines),
  };
}

export function resultOf(plan: CampaignPlan, ends: readonly MachineEnd[]): EncryptVolumesResult {
  const of = (...outcomes: MachineEnd['outcome'][]) =>
    ends.filter(({ outcome }) => outcomes.includes(outcome));
  const encrypted = of('encrypted').map(({ instanceId, volumeIdMap, downtimeMs, strategy }) => ({
    instanceId,
    volumes: Object.keys(volumeIdMap).length,
    downtimeMs,
    ...(strategy && { strategy }),
    workflowId: workflowIds.machine(plan.target, instanceId),
  }));
  const failed = of('failed');
  const rolledBack = of('rolledBack');
  const late = of('blocked', 'nothing', 'cancelled').map(({ instanceId, message }) => ({
    item: instanceId,
    reasons: [message],
  }));
  const skipped = [...plan.blocked, ...plan.nothingToDo, ...late];
  const pairs = of('encrypted').flatMap(({ volumeIdMap }) => Object.entries(volumeIdMap));
  return {
    summary: summaryOf(encrypted, failed.length, rolledBack.length, skipped.length),
    encrypted: listed(encrypted),
    skipped: listed(skipped),
    failed: listed(failed.map(failedItem)),
    rolledBack: listed(rolledBack.map(failedItem)),
    volumeIdMap: Object.fromEntries(pairs.slice(0, MAPPED)),
  };
}

/** Machines whose volumes were encrypted already: what was asked for is so. */
export function nothingToDo(plan: CampaignPlan, ends: readonly MachineEnd[]): number {
  return plan.nothingToDo.length + ends.filter(({ outcome }) => outcome === 'nothing').length;
}

function failedItem({ instanceId, outcome, message }: MachineEnd) {
  return { item: instanceId, type: outcome, message };
}

function summaryOf(
  encrypted: { volumes: number; downtimeMs: number }[],
  failed: number,
  rolledBack: number,
  skipped: number,
): string {
  const volumes = encrypted.reduce((total, machine) => total + machine.volumes, 0);
  const longest = Math.max(0, ...encrypted.map(({ downtimeMs }) => downtimeMs));
  return `${count(encrypted.length, 'machine')} with ${count(volumes, 'volume')} encrypted (longest downtime ${formatDuration(longest)}), ${rolledBack} rolled back, ${failed} failed, ${skipped} skipped`;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
