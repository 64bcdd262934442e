import type { LeftOut } from '../../../model/backup/run';
import { drainExpectation } from '../../../model/machines/drain';
import { whyKept, keptCount, type KeptVolume } from '../../../model/machines/keptVolume';
import { listed, MAX_LISTED, type Listed } from '../../../model/list';
import type { Campaign, CampaignState, QueuedMove } from '../../../model/encryption/campaign/campaign';
import type { PlannedVolume, VolumeDecision } from '../../../model/moves/loneVolume';
import type { PlannedMachine, Surveyed, Wanted } from '../../../model/moves/migration';
import type { OwnedVolume } from '../../../model/moves/ownership';
import { expectation } from '../../../model/moves/strategy';
import type { Target } from '../../../model/target';
import { waveSizes } from '../../../model/encryption/campaign/waves';
import { timeNeeded } from '../../../model/encryption/campaign/window';
import type { Run } from '../../support/operation';
import { batch, read } from '../../support/options';
import { itemOf } from './fleet';
import type { SkippedItem } from '../../../model/outcome';
import { inChunks } from '../../../model/group';

/** Looked at by one activity: its answer stays far below 2 MB, and five thousand machines make three hundred events. */
const PLANNED_AT_ONCE = 50;

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
  /** Volumes that the selector means too, and Holdfast keeps for itself. */
  leftOut: Listed<LeftOut>;
  /** In the window's words, where there is one. */
  nextWindow?: string;
  /** Of machines and volumes that are planned: what infrastructure as code knows by its id. */
  owned: OwnedVolume[];
  /** What warnings could not be looked for, and why. */
  notChecked: string[];
}

/** What a campaign was asked about. */
export interface Selection {
  instanceIds: string[];
  standalone: string[];
  refused?: SkippedItem[];
  leftOut?: Listed<KeptVolume>;
}

/** Looks at every machine before any is touched; a failure here changes nothing. */
export async function planMachines(
  target: Target,
  { instanceIds, standalone, refused = [], leftOut = listed([]) }: Selection,
  wanted: Wanted,
  run: Run,
): Promise<CampaignPlan> {
  const total = instanceIds.length + standalone.length + refused.length;
  const plan: CampaignPlan = {
    target,
    kmsKeyArn: wanted.kmsKeyArn,
    total,
    machines: [],
    interrupted: [],
    volumes: [],
    interruptedVolumes: [],
    blocked: [...refused],
    nothingToDo: [],
    leftOut: {
      ...leftOut,
      items: leftOut.items.map((kept) => ({ item: kept.volumeId, why: whyKept(kept) })),
    },
    owned: [],
    notChecked: [],
  };
  run.rows(plan.leftOut.items.map(({ item, why }) => ({ item, state: 'left out', note: why })));
  if (leftOut.total > 0) run.remark(`Left out: ${keptCount(leftOut.total)}.`);
  for (const page of inChunks(instanceIds, PLANNED_AT_ONCE)) {
    const decisions = await batch(planning(page, total)).surveyMachines({
      target,
      instanceIds: page,
      ...wanted,
    });
    for (const [id, decision] of paired(page, decisions)) sortIn(plan, id, decision, run);
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

/** Machines and volumes that it names, whatever is to become of them. */
export function itemsOfPlan(plan: CampaignPlan): string[] {
  return [
    ...[...plan.machines, ...plan.volumes].map(itemOf),
    ...[...plan.interrupted, ...plan.interruptedVolumes],
    ...[...plan.blocked, ...plan.nothingToDo].map(({ item }) => item),
  ];
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
    ...(plan.leftOut.total > 0 && { leftOut: plan.leftOut }),
    waves: [[...urgent, ...first], ...later],
    waveCount: Math.max(1, queues.length),
    failedBefore: 0,
    ...(plan.owned.length > 0 && { owned: plan.owned.slice(0, MAX_LISTED) }),
  };
}

function planning([first = '', ...more]: readonly string[], total: number): string {
  return more.length === 0 ? `Plan ${first}` : `Plan ${first} and ${more.length} more of ${total}`;
}

async function planVolumes(
  plan: CampaignPlan,
  volumeIds: string[],
  { kmsKeyArn, strategy, rekey }: Wanted,
  run: Run,
): Promise<void> {
  const { target } = plan;
  const wanted = { kmsKeyArn, strategy, rekey };
  for (const page of inChunks(volumeIds, PLANNED_AT_ONCE)) {
    const decisions = await batch(planning(page, plan.total)).surveyVolumes({
      target,
      volumeIds: page,
      ...wanted,
    });
    for (const [id, decision] of paired(page, decisions)) sortVolumeIn(plan, id, decision, run);
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
  const { disks, strategy, accepted = [], drain, remarks = [] } = decision.plan;
  const notes = [
    `${disks.length} volumes`,
    expectation(strategy),
    ...(drain ? [drainExpectation(drain)] : []),
    ...accepted.map(({ effect }) => `accepted: ${effect}`),
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

/** Each id with what was decided about it, in the order in which they were asked about. */
function paired<Decision>(ids: readonly string[], decisions: readonly Decision[]): [string, Decision][] {
  return decisions.flatMap((decision, at): [string, Decision][] => {
    const id = ids[at];
    return id === undefined ? [] : [[id, decision]];
  });
}
