import { isCancellation } from '@temporalio/workflow';
import type {
  Campaign,
  CampaignState,
  EncryptVolumesResult,
} from '../../../model/encryption/campaign/campaign';
import { totalCost } from '../../../model/moves/cost';
import { formatDuration } from '../../../model/duration';
import { workflowIds } from '../../../model/ids';
import { listed, type Listed } from '../../../model/list';
import { importCommands } from '../../../model/moves/ownership';
import { residueSentence, type Residue } from '../../../model/encryption/residue';
import type { Target } from '../../../model/target';
import { waveSizes } from '../../../model/encryption/campaign/waves';
import { reasonOf } from '../../support/failure';
import type { Run } from '../../support/operation';
import { batch } from '../../support/options';
import { itemOf, type MoveEnd } from './fleet';
import { campaignOf, type CampaignPlan } from './planning';
import type { SkippedItem } from '../../../model/outcome';

/** Pairs of old and new volume ids that a result holds; each migration's own result holds its machine's. */
const MAPPED = 100;

export function dryRunResult(plan: CampaignPlan, request: Campaign): EncryptVolumesResult {
  const volumes = plan.machines.reduce((total, { disks }) => total + disks.length, 0);
  const waves = request.waves && waveSizes(request.waves.sizes, plan.machines.length);
  const { nextWindow } = plan;
  const others = present([
    [
      plan.interrupted.length + plan.interruptedVolumes.length,
      'interrupted would be finished or undone first',
    ],
    [plan.blocked.length, 'blocked'],
    [plan.nothingToDo.length, 'with nothing to do'],
  ]);
  const inWaves = waves ? ` in waves of ${waves.join(', ')}` : '';
  const inWindow = nextWindow ? `; the window ${nextWindow}` : '';
  return {
    ...resultOfCampaign(campaignOf(plan, request), []),
    summary: `Dry run: ${count(volumes, 'volume')} of ${count(plan.machines.length, 'machine')} would be encrypted${alone(plan.volumes.length)}${inWaves}${others.length > 0 ? `; ${others.join(', ')}` : ''}${warnedText(plan)}${inWindow}`,
    plan: listed(plan.machines),
    ...(plan.volumes.length > 0 && { volumePlan: listed(plan.volumes) }),
    cost: totalCost([...plan.machines, ...plan.volumes].map(({ cost }) => cost)),
    ...(waves && { waves }),
    ...(nextWindow && { nextWindow }),
    ...(plan.notChecked.length > 0 && { notChecked: plan.notChecked }),
  };
}

function warnedText({ machines, volumes }: CampaignPlan): string {
  const warned = [...machines, ...volumes].filter(({ warnings = [] }) => warnings.length > 0).length;
  return warned > 0 ? `; warnings about ${warned} of them would wait for approval` : '';
}

/** Undefined where nobody may look: it says nothing about the campaign's own machines. */
export async function findResidue(target: Target, run: Run): Promise<Residue | undefined> {
  try {
    return await batch('Look for what is not encrypted', {
      scheduleToCloseTimeout: '1 hour',
    }).findUnencrypted({
      target,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.remark(`What is left unencrypted could not be found: ${reasonOf(error)}`);
    return undefined;
  }
}

export function resultOfCampaign(
  campaign: CampaignState,
  ends: readonly MoveEnd[],
  residue?: Residue,
): EncryptVolumesResult {
  const of = (...outcomes: MoveEnd['outcome'][]) => ends.filter(({ outcome }) => outcomes.includes(outcome));
  const encrypted = of('encrypted').map((end) => encryptedItem(campaign.target, end));
  const failed = of('failed');
  const rolledBack = of('rolledBack');
  const skipped = joinedLists(
    campaign.blocked,
    campaign.nothingToDo,
    listed(of('nothing').map((end) => ({ ...late(end), nothingToDo: true as const }))),
    listed(of('blocked', 'cancelled').map(late)),
  );
  const pairs = of('encrypted').flatMap(({ volumeIdMap }) => Object.entries(volumeIdMap));
  const volumeIdMap = Object.fromEntries(pairs.slice(0, MAPPED));
  const imports = importCommands(campaign.owned ?? [], volumeIdMap, campaign);
  return {
    summary: `${summaryOf(encrypted, ends, failed.length, rolledBack.length, skipped.total)}${residue ? `; ${residueSentence(residue, campaign.target)}` : ''}`,
    encrypted: listed(encrypted),
    skipped,
    ...(campaign.leftOut && { leftOut: campaign.leftOut }),
    failed: listed(failed.map(failedItem)),
    rolledBack: listed(rolledBack.map(failedItem)),
    volumeIdMap,
    ...(imports.length > 0 && { importCommands: listed(imports) }),
    ...(residue && { residue }),
  };
}

/** Machines whose volumes were encrypted already: what was asked for is so. */
export function countNothingToDo(campaign: CampaignState, ends: readonly MoveEnd[]): number {
  return campaign.nothingToDo.total + ends.filter(({ outcome }) => outcome === 'nothing').length;
}

function late(end: MoveEnd): SkippedItem {
  return { item: itemOf(end), reasons: [end.message] };
}

function joinedLists<Item>(...lists: Listed<Item>[]): Listed<Item> {
  return listed(
    lists.flatMap(({ items }) => items),
    lists.reduce((sum, { total }) => sum + total, 0),
  );
}

function encryptedItem(target: Target, end: MoveEnd): EncryptVolumesResult['encrypted']['items'][number] {
  const { volumeIdMap, strategy } = end;
  if (!('volumeId' in end)) {
    const { instanceId, downtimeMs, accepted, publicIp } = end;
    const { volumes } = end;
    const workflowId = workflowIds.machine(target, instanceId);
    const costs = { ...(accepted && { accepted }), ...(publicIp && { publicIp }) };
    return { instanceId, volumes, downtimeMs, ...(strategy && { strategy }), ...costs, workflowId };
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
  ends: readonly MoveEnd[],
  failed: number,
  rolledBack: number,
  skipped: number,
): string {
  const machines = encrypted.flatMap((each) => ('volumeId' in each ? [] : [each]));
  const volumes = machines.reduce((total, machine) => total + machine.volumes, 0);
  return [
    `${count(machines.length, 'machine')} with ${count(volumes, 'volume')} encrypted (${longestDowntime(ends)})${alone(encrypted.length - machines.length)}`,
    ...present([
      [rolledBack, 'rolled back'],
      [failed, 'failed'],
      [skipped, 'skipped'],
    ]),
  ].join(', ');
}

/** What there is none of is not told. */
function present(amounts: readonly (readonly [amount: number, what: string])[]): string[] {
  return amounts.filter(([amount]) => amount > 0).map(([amount, what]) => `${amount} ${what}`);
}

/** A machine that was rolled back, or has failed, was down too. */
function longestDowntime(ends: readonly MoveEnd[]): string {
  let longest = { downtimeMs: 0, whose: '' };
  for (const end of ends) {
    if ('volumeId' in end || end.downtimeMs <= longest.downtimeMs) continue;
    const { downtimeMs, instanceId, outcome } = end;
    longest = { downtimeMs, whose: outcome === 'encrypted' ? '' : `, of ${instanceId}, which is not` };
  }
  return `longest downtime ${formatDuration(longest.downtimeMs)}${longest.whose}`;
}

/** Of volumes that are attached to nothing. */
function alone(volumes: number): string {
  return volumes > 0 ? `, and ${count(volumes, 'volume')} by ${volumes === 1 ? 'itself' : 'themselves'}` : '';
}

export function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
