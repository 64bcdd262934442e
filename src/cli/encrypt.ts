import type { Command } from 'commander';
import {
  Campaigns,
  encryptVolumes,
  InputRefused,
  meantWorkflow,
  type CampaignStatus,
  type OperationResult,
  type Told,
} from '../client';
import type { MoveCost } from '../model/moves/cost';
import { PRICES } from '../model/cost/prices';
import { drainExpectation } from '../model/machines/drain';
import { formatDuration } from '../model/duration';
import { addCampaignFlags, encryptInput, inFlagWords } from './encryptInput';
import { LOSS_FLAG, addMessageCommands, messageOf, addSignature, type Said } from './messages';
import { DETACHED, whereToLook } from './started';
import { jsonOption, outputOption, type Output } from './options';
import type { Shell } from './shell';
import { table } from './table';
import { watching } from './waiting';

type Plan = OperationResult<'encryptVolumes'>;
type Decision = Said & Output & { campaign?: string; yes?: boolean };
type Flags = Parameters<typeof encryptInput>[0];

/** Commands below a status; the table names the other machines. */
const MOST_PASTED = 3;

/** States of machines that did not get what was asked for, or not by themselves. */
const NOT_DONE: readonly string[] = [
  'failed',
  'rolledBack',
  'blocked',
  'cancelled',
  'not started',
  'needs a person',
];

/** `holdfast encrypt …`: campaigns that move machines to encrypted volumes. */
export function addEncryptCommands(program: Command, shell: Shell): void {
  const encrypt = program.command('encrypt').description('move running machines to encrypted volumes');

  addCampaignFlags(encrypt.command('plan'))
    .description('what would be done to each machine, by which strategy and why; touches nothing')
    .addOption(outputOption())
    .action((flags: Flags & Output) =>
      shell.connected(async (holdfast) => {
        const planned = encryptVolumes(holdfast, { ...encryptInput(flags), dryRun: true });
        const plan = await planned.catch(asFlagged(flags));
        shell.say(flags, plan, () => planText(plan));
        const waits = plan.skipped.items.some(({ nothingToDo }) => !nothingToDo) || warned(plan).length > 0;
        if (waits) shell.notCompliant();
      }),
    );

  addCampaignFlags(encrypt.command('start'))
    .description('start a campaign and wait for its result')
    .option('--workflow-id <id>', 'workflow id; made up when left out')
    .option('--detach', `does not wait: ${DETACHED}`)
    .addOption(jsonOption())
    .action((flags: Flags & { workflowId?: string; detach?: boolean }) =>
      shell.connected(async (holdfast) => {
        const { workflowId, detach } = flags;
        const campaign = await holdfast
          .start('encryptVolumes', encryptInput(flags), { workflowId })
          .catch(asFlagged(flags));
        const started = whereToLook(holdfast, campaign.workflowId, 'encrypt status');
        if (detach) return shell.print(started);
        process.stderr.write(`${JSON.stringify(started)}\n`);
        shell.print(await watching(campaign, started.status));
      }),
    );

  addMessageCommands(encrypt, ['approve', 'reject', 'pause', 'resume'], shell);

  for (const [name, does] of [
    ['commit', 'delete the originals of a machine in soak, or of all of a campaign'],
    ['rollback', 'go back to the originals of a machine in soak, or of all of a campaign'],
  ] as const) {
    const command = encrypt.command(`${name} [machine]`).description(does);
    if (name === 'rollback') command.option(...LOSS_FLAG);
    else command.option('--yes', 'with --campaign: does not ask', false);
    addSignature(command)
      .option('--campaign <workflowId>', 'every machine of this campaign')
      .addOption(outputOption())
      .action(async (machine: string | undefined, options: Decision) => {
        const { campaign, yes = false } = options;
        if ((machine === undefined) === (campaign === undefined))
          command.error(
            'give the id of one machine or of its workflow, or --campaign and the workflow id of a campaign',
          );
        if (campaign !== undefined && name === 'commit')
          await shell.requireYes(command, yes, `this deletes the originals of every machine of ${campaign}`);
        return shell.connected(async (holdfast) => {
          if (machine !== undefined) {
            await holdfast.operation(await meantWorkflow(holdfast, machine))[name](messageOf(options));
            return shell.print({ accepted: true, message: name });
          }
          const told = await new Campaigns(holdfast).tellMachines(campaign ?? '', name, messageOf(options));
          shell.say(options, told, () => toldText(name, told));
          if (told.length === 0 || told.some(({ accepted }) => !accepted)) shell.notCompliant();
        });
      });
  }

  encrypt
    .command('status <workflowId>')
    .description('the machines of a campaign')
    .addOption(outputOption())
    .action((workflowId: string, options: Output) =>
      shell.connected(async (holdfast) => {
        const status = await new Campaigns(holdfast).status(workflowId);
        shell.say(options, status, () => statusText(status));
        if (status.machines.some(({ state }) => NOT_DONE.includes(state))) shell.notCompliant();
      }),
    );
}

/** Whoever gave flags looks for those that are wrong. */
function asFlagged(flags: Flags): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof InputRefused)) throw error;
    throw new InputRefused(inFlagWords(error.message, flags), error.workflowId);
  };
}

function warned({ plan, volumePlan }: Plan): string[][] {
  return [...(plan?.items ?? []), ...(volumePlan?.items ?? [])].flatMap((each) =>
    (each.warnings ?? []).map(({ text }) => ['volumeId' in each ? each.volumeId : each.instanceId, text]),
  );
}

function planText(whole: Plan): string {
  const { summary, plan, skipped, cost, notChecked = [] } = whole;
  const warnings = warned(whole);
  const planned = plan?.items ?? [];
  const rows = planned.map(({ instanceId, disks, strategy, drain, accepted = [] }) => [
    instanceId,
    `${disks.length}, ${disks.reduce((sum, { size }) => sum + size, 0)} GiB`,
    strategy.name,
    formatDuration(strategy.expectedDowntimeMs[strategy.name]),
    strategy.reducedSpeedHours === undefined ? '-' : `${strategy.reducedSpeedHours} h`,
    [
      strategy.why,
      ...(drain ? [drainExpectation(drain)] : []),
      ...accepted.map(({ effect }) => `accepted: ${effect}`),
    ].join('; '),
  ]);
  const remarks = planned.flatMap(({ instanceId, remarks: own = [] }) =>
    own.map((remark) => `${instanceId}: ${remark}`),
  );
  const left = skipped.items.map(({ item, reasons, nothingToDo }) => [
    item,
    nothingToDo ? 'nothing to do' : 'blocked',
    reasons.join('; '),
  ]);
  return [
    ...(rows.length > 0
      ? [table(['MACHINE', 'VOLUMES', 'STRATEGY', 'DOWNTIME', 'SLOWER FOR', 'WHY'], rows), more(plan)]
      : []),
    remarks.join('\n'),
    ...(left.length > 0 ? [table(['NOT MOVED', 'STATE', 'WHY'], left), more(skipped)] : []),
    ...(warnings.length > 0 ? [table(['WARNING ABOUT', 'WHAT TO APPROVE'], warnings)] : []),
    notChecked.join('\n'),
    ...(cost && planned.length > 0 ? [costText(cost)] : []),
    summary,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function costText({ perDayUntilCommit, perMonthAfter, without }: MoveCost): string {
  const missing = without ? `; without ${without}` : '';
  return `About $${perDayUntilCommit.toFixed(2)} a day until the commit, while originals and new volumes are both there; then at most $${perMonthAfter.toFixed(2)} a month for the recovery points that stay${missing}. List prices of ${PRICES.region}, ${PRICES.asOf}.`;
}

function more(list: Plan['plan'] | Plan['skipped']): string {
  return list?.truncated ? `… and ${list.total - list.items.length} more` : '';
}

function toldText(name: string, told: readonly Told[]): string {
  if (told.length === 0) return 'no migration of this campaign is open';
  return table(
    ['MACHINE', name.toUpperCase(), 'WHY'],
    told.map(({ instanceId, accepted, why }) => [instanceId, accepted ? 'accepted' : 'refused', why ?? '']),
  );
}

function statusText({ workflowId, phase, waitsFor, counts, machines }: CampaignStatus): string {
  const states = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  return [
    `${workflowId}: ${[phase, ...states].join(', ')}`,
    ...(waitsFor ? [waitsFor.split('\n\n```')[0] ?? ''] : []),
    ...toPaste(workflowId, phase, machines),
    '',
    table(
      ['MACHINE', 'STATE', 'PHASE', 'OUTCOME', 'DOWNTIME', 'SOAKS UNTIL', 'NOTE'],
      machines.map((machine) => [
        machine.instanceId,
        machine.state,
        machine.phase ?? '-',
        machine.outcome ?? '-',
        machine.downtimeMs === undefined ? '-' : formatDuration(machine.downtimeMs),
        machine.soakUntil ?? '-',
        machine.note ?? '',
      ]),
    ),
  ].join('\n');
}

/** What a person has to say now; whoever pastes it puts in who they are and why. */
function toPaste(workflowId: string, phase: string, machines: CampaignStatus['machines']): string[] {
  const said = "--by YOU --reason 'WHY'";
  const stuck = machines.filter(({ state }) => state === 'needs a person').slice(0, MOST_PASTED);
  return [
    ...(phase === 'Waiting for approval'
      ? [`holdfast encrypt approve ${workflowId} ${said}`, `holdfast encrypt reject ${workflowId} ${said}`]
      : []),
    ...stuck.map((machine) => `holdfast resume ${machine.workflowId} ${said}`),
  ].map((command) => `  ${command}`);
}
