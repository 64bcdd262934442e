import { isCancellation } from '@temporalio/workflow';
import type { Campaign } from '../../../model/encryption/campaign/campaign';
import {
  notCheckedText,
  warningsText,
  type MoveAsked,
  type WarningsFound,
} from '../../../model/moves/warnings';
import { reasonOf } from '../../support/failure';
import type { Run } from '../../support/operation';
import { wait } from '../../support/options';
import { count } from './result';
import type { CampaignPlan } from './planning';
import type { CampaignOrders } from './orders';
import { itemOf } from './fleet';
import type { NotChecked } from '../../../model/outcome';
import { inChunks } from '../../../model/group';

/** Machines that are looked at in one activity: one Run Command goes to no more. */
const PAGE = 50;
/** Remarks about machines; the table has a line for each. */
const MOST_REMARKS = 20;
const LONGEST_REMARK = 500;
const LOOK = 'warnings';

/**
 * Looks for what may hurt after a migration that goes well, and writes it to the plan. Bounded: what cannot be looked
 * at in half an hour is named as not checked, and keeps nobody from going on.
 */
export async function findWarnings(plan: CampaignPlan, run: Run): Promise<void> {
  const { target, kmsKeyArn } = plan;
  const planned = [...plan.machines, ...plan.volumes];
  const notChecked: NotChecked[] = [];
  for (const [at, page] of inChunks(planned, PAGE).entries()) {
    const start = at * PAGE;
    const asked = { target, kmsKeyArn, moves: page.map(moveAsked) };
    const which = `${start + 1} to ${start + page.length} of ${planned.length}`;
    const found = await wait(`Look for warnings, ${which}`, { scheduleToCloseTimeout: '30 minutes' })
      .findWarnings(asked)
      .catch((error: unknown) => nothingFound(error, page.map(itemOf)));
    const warnings = new Map(found.warned.map((each) => [each.item, each.warnings]));
    for (const each of page) {
      const own = warnings.get(itemOf(each));
      if (own) each.warnings = own;
    }
    plan.owned.push(...found.owned);
    notChecked.push(...found.notChecked);
  }
  plan.notChecked = notCheckedText(notChecked);
  showWarnings(plan, run);
}

/**
 * Asks where that was asked for, and where there are warnings, before anything is touched. An answer that names items
 * leaves the others out of the plan.
 */
export async function awaitApproval(
  plan: CampaignPlan,
  { requireApproval }: Campaign,
  orders: CampaignOrders,
  run: Run,
): Promise<void> {
  const planned = [...plan.machines, ...plan.volumes];
  const warned = planned.filter(({ warnings }) => warnings !== undefined);
  if (!requireApproval && warned.length === 0) return;
  // Whoever approved before there was a plan has not seen what it warns of.
  if (warned.length > 0 && orders.answer?.approved) {
    run.remark('It was approved before its warnings were known: approve it once more.');
    orders.close();
  }
  const interrupted = [...plan.interrupted, ...plan.interruptedVolumes];
  const asked = requireApproval ? [...interrupted, ...planned.map(itemOf)] : warned.map(itemOf);
  const { by, reason, items } = await orders.awaitAnswer(
    questionOf(plan, warned.length, requireApproval),
    asked,
  );
  const leftOut = new Set(asked.filter((item) => !items.has(item)));
  const isLeftOut = (item: string) => leftOut.has(item);
  for (const each of planned) {
    if (!isLeftOut(itemOf(each))) continue;
    const why = each.warnings ? `: ${warningsText(each.warnings)}` : '';
    plan.blocked.push({ item: itemOf(each), reasons: [`not among what ${by} approved (${reason})${why}`] });
  }
  for (const item of interrupted.filter(isLeftOut))
    plan.blocked.push({ item, reasons: [`not among what ${by} approved (${reason})`] });
  plan.machines = plan.machines.filter((each) => !isLeftOut(itemOf(each)));
  plan.volumes = plan.volumes.filter((each) => !isLeftOut(itemOf(each)));
  plan.interrupted = plan.interrupted.filter((item) => !isLeftOut(item));
  plan.interruptedVolumes = plan.interruptedVolumes.filter((item) => !isLeftOut(item));
  run.rows([
    ...plan.blocked.map(({ item, reasons }) => ({ item, state: 'blocked', note: reasons.join('; ') })),
    // Shorter than the warning was: a campaign carries its table from run to run.
    ...warned
      .map(itemOf)
      .filter((item) => items.has(item))
      .map((item) => ({ item, state: 'planned' })),
  ]);
}

function moveAsked(planned: CampaignPlan['machines'][number] | CampaignPlan['volumes'][number]): MoveAsked {
  const volumes = planned.disks.map(({ volumeId, device }) => ({ volumeId, device }));
  if ('volumeId' in planned) return { running: false, volumes };
  const { instanceId, wasRunning, rootDevice } = planned;
  return { instanceId, running: wasRunning, rootDevice, volumes };
}

function nothingFound(error: unknown, items: string[]): WarningsFound {
  if (isCancellation(error)) throw error;
  const message = reasonOf(error);
  return { warned: [], owned: [], notChecked: [{ what: LOOK, why: message, items }] };
}

function showWarnings({ machines, volumes, notChecked }: CampaignPlan, run: Run): void {
  const warned = [...machines, ...volumes].filter(({ warnings }) => warnings !== undefined);
  const text = ({ warnings = [] }: (typeof warned)[number]) => warningsText(warnings);
  run.rows(warned.map((each) => ({ item: itemOf(each), state: 'warning', note: text(each) })));
  for (const each of warned.slice(0, MOST_REMARKS))
    run.remark(`Warning, ${itemOf(each)}: ${text(each).slice(0, LONGEST_REMARK)}.`);
  if (warned.length > MOST_REMARKS)
    run.remark(`Warnings about ${warned.length - MOST_REMARKS} more: query \`progress\`.`);
  for (const each of notChecked) run.remark(`${each}.`);
}

function questionOf(plan: CampaignPlan, warned: number, all: boolean): string {
  const machines = plan.interrupted.length + plan.machines.length;
  const volumes = plan.interruptedVolumes.length + plan.volumes.length;
  const alone =
    volumes > 0
      ? `, and ${count(volumes, 'volume')} by ${volumes === 1 ? 'itself' : 'themselves'} replaced`
      : '';
  const warnings =
    warned > 0
      ? ` There are warnings about ${warned}: \`approve\` takes them, and with \`items\` only those that are named.`
      : '';
  const which = all || warned === 0 ? '' : ' What has no warning goes on in any case.';
  return `${count(machines, 'machine')} would be stopped and migrated${alone}: send \`approve\` or \`reject\`.${warnings}${which}`;
}
