import { listed } from '../../model/list';
import type { EncryptVolumesResult, SkippedItem } from '../../model/campaign';
import type { PlannedVolume, VolumeDecision } from '../../model/loneVolume';
import type { PlannedMachine, Surveyed, Wanted } from '../../model/migration';
import { expectation } from '../../model/strategy';
import { workflowIds } from '../../model/ids';
import { formatDuration } from '../../model/duration';
import type { Target } from '../../model/target';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import { itemOf, type MoveEnd } from './fleet';

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
  /** Volumes that are attached to nothing; nothing is down for them. */
  volumes: PlannedVolume[];
  interruptedVolumes: string[];
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
    volumes: [],
    interruptedVolumes: [],
    blocked: [],
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
  await planVolumes(plan, standalone, wanted, run);
  for (const { item, reasons } of plan.blocked) run.row(item, 'blocked', reasons.join('; '));
  return plan;
}

async function planVolumes(
  plan: CampaignPlan,
  volumeIds: string[],
  { healthChecks: _, ...wanted }: Wanted,
  run: Run,
): Promise<void> {
  const { target } = plan;
  for (let start = 0; start < volumeIds.length; start += PLANNED_AT_ONCE) {
    const page = volumeIds.slice(start, start + PLANNED_AT_ONCE);
    const decisions = await Promise.all(
      page.map((volumeId) => read(`Plan ${volumeId}`).surveyVolume({ target, volumeId, ...wanted })),
    );
    decisions.forEach((decision, index) => sortVolumeIn(plan, page[index] ?? '', decision, run));
  }
}

function sortVolumeIn(plan: CampaignPlan, volumeId: string, decision: VolumeDecision, run: Run): void {
  switch (decision.kind) {
    case 'plan':
      plan.volumes.push(decision.plan);
      run.row(volumeId, 'planned', `${decision.plan.strategy.name}: ${decision.plan.strategy.why}`);
      return;
    case 'interrupted':
      plan.interruptedVolumes.push(volumeId);
      run.row(volumeId, 'interrupted', `move ${decision.migrationId} is to be finished or undone first`);
      return;
    case 'blocked':
      plan.blocked.push({ item: volumeId, reasons: decision.reasons });
      return;
    case 'nothing':
      plan.nothingToDo.push({ item: volumeId, reasons: [decision.reason] });
      run.row(volumeId, 'nothing to do', decision.reason);
  }
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
    summary: `Dry run: ${count(volumes, 'volume')} of ${count(plan.machines.length, 'machine')} would be encrypted${alone(plan.volumes.length)}; ${plan.interrupted.length + plan.interruptedVolumes.length} interrupted would be finished or undone first, ${plan.blocked.length} blocked, ${plan.nothingToDo.length} with nothing to do`,
    plan: listed(plan.machines),
    ...(plan.volumes.length > 0 && { volumePlan: listed(plan.volumes) }),
  };
}

export function resultOf(plan: CampaignPlan, ends: readonly MoveEnd[]): EncryptVolumesResult {
  const of = (...outcomes: MoveEnd['outcome'][]) => ends.filter(({ outcome }) => outcomes.includes(outcome));
  const encrypted = of('encrypted').map((end) => encryptedItem(plan.target, end));
  const failed = of('failed');
  const rolledBack = of('rolledBack');
  const late = of('blocked', 'nothing', 'cancelled').map((end) => ({
    item: itemOf(end),
    reasons: [end.message],
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
export function nothingToDo(plan: CampaignPlan, ends: readonly MoveEnd[]): number {
  return plan.nothingToDo.length + ends.filter(({ outcome }) => outcome === 'nothing').length;
}

function encryptedItem(target: Target, end: MoveEnd): EncryptVolumesResult['encrypted']['items'][number] {
  const { volumeIdMap, strategy } = end;
  if (!('volumeId' in end)) {
    const { instanceId, downtimeMs } = end;
    const volumes = Object.keys(volumeIdMap).length;
    const workflowId = workflowIds.machine(target, instanceId);
    return { instanceId, volumes, downtimeMs, ...(strategy && { strategy }), workflowId };
  }
  const { volumeId, references = [] } = end;
  return {
    volumeId,
    newVolumeId: volumeIdMap[volumeId] ?? '',
    ...(strategy && { strategy }),
    references,
    workflowId: workflowIds.volume(target, volumeId),
  };
}

function failedItem(end: MoveEnd) {
  return { item: itemOf(end), type: end.outcome, message: end.message };
}

function summaryOf(
  encrypted: EncryptVolumesResult['encrypted']['items'],
  failed: number,
  rolledBack: number,
  skipped: number,
): string {
  const machines = encrypted.flatMap((each) => ('volumeId' in each ? [] : [each]));
  const volumes = machines.reduce((total, machine) => total + machine.volumes, 0);
  const longest = Math.max(0, ...machines.map(({ downtimeMs }) => downtimeMs));
  return `${count(machines.length, 'machine')} with ${count(volumes, 'volume')} encrypted (longest downtime ${formatDuration(longest)})${alone(encrypted.length - machines.length)}, ${rolledBack} rolled back, ${failed} failed, ${skipped} skipped`;
}

/** Of volumes that are attached to nothing. */
function alone(volumes: number): string {
  return volumes > 0 ? `, and ${count(volumes, 'volume')} by ${volumes === 1 ? 'itself' : 'themselves'}` : '';
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
