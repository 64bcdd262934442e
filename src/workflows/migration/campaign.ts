import { listed, type Listed } from '../../model/list';
import type {
  Campaign,
  CampaignState,
  EncryptVolumesResult,
  QueuedMove,
  SkippedItem,
} from '../../model/campaign';
import type { PlannedVolume, VolumeDecision } from '../../model/loneVolume';
import type { PlannedMachine, Surveyed, Wanted } from '../../model/migration';
import { drainExpectation } from '../../model/drain';
import { expectation } from '../../model/strategy';
import { workflowIds } from '../../model/ids';
import { formatDuration } from '../../model/duration';
import type { Target } from '../../model/target';
import { waveSizes } from '../../model/waves';
import { timeNeeded } from '../../model/window';
import type { Run } from '../support/operation';
import { read } from '../support/options';
import { itemOf, type MoveEnd } from './fleet';

/** Machines that are looked at together. */
const PLANNED_AT_ONCE = 10;
/** Pairs of old and new volume ids that a result holds; each migration's own result holds its machine's. */
const MAPPED = 100;

export interface CampaignPlan {
  target: Target;
  kmsKeyArn: string;
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
  /** In the window's words, where there is one. */
  nextWindow?: string;
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
    kmsKeyArn: wanted.kmsKeyArn,
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
  return plan;
}

/** Machines that the window never lets in are blocked; one that lets none in is refused. */
export async function requireWindow(plan: CampaignPlan, { window }: Campaign): Promise<void> {
  if (!window) return;
  const asked = { window, from: Date.now(), machines: plan.machines.map(timeNeeded) };
  const { next, tooLong } = await read('Check the window').checkWindow(asked);
  const out = new Set(tooLong.map(({ item }) => item));
  plan.nextWindow = `${next.opensAt <= asked.from ? 'open since' : 'opens'} ${next.text}`;
  plan.blocked.push(...tooLong);
  plan.machines = plan.machines.filter(({ instanceId }) => !out.has(instanceId));
}

/** What is left of the plan once it is decided: who goes when, and who does not. What is half-way goes first. */
export function campaignOf(plan: CampaignPlan, { waves, window }: Campaign): CampaignState {
  const { target, kmsKeyArn, total, machines, interrupted } = plan;
  const queue = machines.map((machine): QueuedMove => {
    const { instanceId, needMs, fromStopMs } = timeNeeded(machine);
    return { instanceId, ...(window && { needMs, fromStopMs }) };
  });
  const queues = waveSizes(waves?.sizes ?? ['rest'], queue.length).map((size) => queue.splice(0, size));
  const urgent: QueuedMove[] = [
    ...interrupted.map((instanceId) => ({ instanceId, urgent: true as const })),
    ...plan.interruptedVolumes.map((volumeId) => ({ volumeId, urgent: true as const })),
  ];
  const alone = plan.volumes.map(({ volumeId }): QueuedMove => ({ volumeId }));
  const inOrder: QueuedMove[][] = queues.length > 0 ? queues : [[]];
  inOrder.at(-1)?.push(...alone);
  const [first = [], ...later] = inOrder;
  return {
    target,
    kmsKeyArn,
    total,
    blocked: listed(plan.blocked),
    nothingToDo: listed(plan.nothingToDo),
    waves: [[...urgent, ...first], ...later],
    waveCount: Math.max(1, queues.length),
    failedBefore: 0,
  };
}

async function planVolumes(
  plan: CampaignPlan,
  volumeIds: string[],
  { healthChecks: _h, drain: _d, hooks: _k, ...wanted }: Wanted,
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
  if (decision.kind !== 'plan')
    return sortOut(plan, volumeId, decision, run, { what: 'move', interrupted: plan.interruptedVolumes });
  plan.volumes.push(decision.plan);
  run.row(volumeId, 'planned', `${decision.plan.strategy.name}: ${decision.plan.strategy.why}`);
}

function sortIn(plan: CampaignPlan, instanceId: string, decision: Surveyed, run: Run): void {
  if (decision.kind !== 'plan')
    return sortOut(plan, instanceId, decision, run, { what: 'migration', interrupted: plan.interrupted });
  plan.machines.push(decision.plan);
  const { disks, strategy, drain, remarks = [] } = decision.plan;
  const notes = [
    `${disks.length} volumes`,
    expectation(strategy),
    ...(drain ? [drainExpectation(drain)] : []),
  ];
  run.row(instanceId, 'planned', [...notes, ...remarks].join('; '));
}

/** What is not simply planned, of machines and of volumes alike. */
function sortOut(
  plan: CampaignPlan,
  item: string,
  decision: Exclude<VolumeDecision | Surveyed, { kind: 'plan' }>,
  run: Run,
  { what, interrupted }: { what: 'move' | 'migration'; interrupted: string[] },
): void {
  switch (decision.kind) {
    case 'interrupted':
      interrupted.push(item);
      run.row(item, 'interrupted', `${what} ${decision.migrationId} is to be finished or undone first`);
      return;
    case 'blocked':
      plan.blocked.push({ item, reasons: decision.reasons });
      return;
    case 'nothing':
      plan.nothingToDo.push({ item, reasons: [decision.reason], nothingToDo: true });
      run.row(item, 'nothing to do', decision.reason);
  }
}

export function dryRunResult(plan: CampaignPlan, request: Campaign): EncryptVolumesResult {
  const volumes = plan.machines.reduce((total, { disks }) => total + disks.length, 0);
  const waves = request.waves && waveSizes(request.waves.sizes, plan.machines.length);
  const { nextWindow } = plan;
  const inWaves = waves ? ` in waves of ${waves.join(', ')}` : '';
  const inWindow = nextWindow ? `; the window ${nextWindow}` : '';
  return {
    ...resultOf(campaignOf(plan, request), []),
    summary: `Dry run: ${count(volumes, 'volume')} of ${count(plan.machines.length, 'machine')} would be encrypted${alone(plan.volumes.length)}${inWaves}; ${plan.interrupted.length + plan.interruptedVolumes.length} interrupted would be finished or undone first, ${plan.blocked.length} blocked, ${plan.nothingToDo.length} with nothing to do${inWindow}`,
    plan: listed(plan.machines),
    ...(plan.volumes.length > 0 && { volumePlan: listed(plan.volumes) }),
    ...(waves && { waves }),
    ...(nextWindow && { nextWindow }),
  };
}

export function resultOf(campaign: CampaignState, ends: readonly MoveEnd[]): EncryptVolumesResult {
  const of = (...outcomes: MoveEnd['outcome'][]) => ends.filter(({ outcome }) => outcomes.includes(outcome));
  const encrypted = of('encrypted').map((end) => encryptedItem(campaign.target, end));
  const failed = of('failed');
  const rolledBack = of('rolledBack');
  const skipped = joined(
    campaign.blocked,
    campaign.nothingToDo,
    listed(of('nothing').map((end) => ({ ...late(end), nothingToDo: true as const }))),
    listed(of('blocked', 'cancelled').map(late)),
  );
  const pairs = of('encrypted').flatMap(({ volumeIdMap }) => Object.entries(volumeIdMap));
  return {
    summary: summaryOf(encrypted, failed.length, rolledBack.length, skipped.total),
    encrypted: listed(encrypted),
    skipped,
    failed: listed(failed.map(failedItem)),
    rolledBack: listed(rolledBack.map(failedItem)),
    volumeIdMap: Object.fromEntries(pairs.slice(0, MAPPED)),
  };
}

/** Machines whose volumes were encrypted already: what was asked for is so. */
export function nothingToDo(campaign: CampaignState, ends: readonly MoveEnd[]): number {
  return campaign.nothingToDo.total + ends.filter(({ outcome }) => outcome === 'nothing').length;
}

function late(end: MoveEnd): SkippedItem {
  return { item: itemOf(end), reasons: [end.message] };
}

function joined<Item>(...lists: Listed<Item>[]): Listed<Item> {
  return listed(
    lists.flatMap(({ items }) => items),
    lists.reduce((sum, { total }) => sum + total, 0),
  );
}

function encryptedItem(target: Target, end: MoveEnd): EncryptVolumesResult['encrypted']['items'][number] {
  const { volumeIdMap, strategy } = end;
  if (!('volumeId' in end)) {
    const { instanceId, downtimeMs } = end;
    const { volumes } = end;
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

export function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
