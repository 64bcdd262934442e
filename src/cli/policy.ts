import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  applyRetention,
  BackupPolicies,
  createBackupPolicy,
  deleteBackupPolicy,
  planBackupPolicy,
  policyFileJsonSchema,
  readPolicyFiles,
} from '../client';
import { SEARCH_ATTRIBUTES } from '../model/names';
import { instantSchema } from '../model/policies/backfill';
import { jsonOption, outputOption, YES, type Output } from './options';
import type { Shell } from './shell';
import { existingText, listText, planText, unprotectedText } from './policyText';
import { whereToLook } from './started';
import { sayDuring } from './waiting';

const YES_ALONE =
  'error: --yes is an answer to --existing, and says nothing without it: add --existing where the points that are there shall get these terms, or leave --yes out';

/** `holdfast policy …`: backup policies as YAML files, and their Schedules. */
export function addPolicyCommands(program: Command, shell: Shell): void {
  const policy = program.command('policy').description('backup policies');

  policy
    .command('schema')
    .description('the JSON Schema of policy files, for editors')
    .action(() => shell.print(policyFileJsonSchema()));

  policy
    .command('validate <files...>')
    .description('check policy files; nothing is connected to')
    .addOption(outputOption())
    .action((files: string[], options: Output) => {
      const names = readPolicyFiles(files).map(({ policyName }) => policyName);
      shell.say(options, { valid: names }, () => names.map((name) => `${name} is valid`).join('\n'));
    });

  policy
    .command('plan <files...>')
    .description('what applying would change, what the next run protects, and what nothing does')
    .addOption(outputOption())
    .action((files: string[], options: Output) => {
      const policies = readPolicyFiles(files);
      return shell.connected(async (holdfast) => {
        const plans = await doOneByOne(policies, 'planning', (each) => planBackupPolicy(holdfast, each));
        shell.say(options, plans, () => [...plans.map(planText), unprotectedText(plans)].join('\n\n'));
        if (plans.some(({ problems }) => problems.length > 0)) shell.notCompliant();
      });
    });

  const apply = policy
    .command('apply <files...>')
    .description('make backup policies what these YAML files say')
    .option('--existing', 'says what their terms would do to the points that are there', false)
    .option('--yes', 'with --existing: gives the points these terms; what is due then expires', false)
    .addOption(outputOption())
    .action(
      (files: string[], { existing, yes, ...options }: Output & { existing: boolean; yes: boolean }) => {
        if (yes && !existing) apply.error(YES_ALONE);
        const policies = readPolicyFiles(files);
        return shell.connected(async (holdfast) => {
          const results = await doOneByOne(policies, 'applying', async (each) => {
            const applied = await createBackupPolicy(holdfast, each);
            if (!existing) return applied;
            const { policyName } = applied;
            return { ...applied, existing: await applyRetention(holdfast, { policyName, dryRun: !yes }) };
          });
          shell.say(options, results, () =>
            results
              .flatMap((each) => [
                `${each.policyName} ${each.status}; next run ${each.nextRuns[0] ?? 'none'}`,
                ...(each.remarks ?? []).map((remark) => `  ! ${remark}`),
                ...('existing' in each ? [existingText(each.existing)] : []),
              ])
              .join('\n'),
          );
        });
      },
    );

  policy
    .command('list')
    .description('policies, when they run, and how the last run went')
    .addOption(outputOption())
    .action((options: Output) =>
      shell.connected(async (holdfast) => {
        const states = await new BackupPolicies(holdfast).list();
        shell.say(options, states, () => listText(states));
        if (states.some(({ isOk }) => !isOk)) shell.notCompliant();
      }),
    );

  for (const [name, does] of [
    ['pause', 'starts no runs and deletes no points of the policy'],
    ['resume', 'starts runs again'],
  ] as const) {
    policy
      .command(`${name} <policyName>`)
      .description(does)
      .requiredOption('--note <why>', 'why; the Web UI shows it')
      .addOption(jsonOption())
      .action((policyName: string, { note }: { note: string }) =>
        shell.connected(async (holdfast) => {
          await new BackupPolicies(holdfast)[name](policyName, note);
          shell.print({ policyName, [name]: true, note });
        }),
      );
  }

  policy
    .command('run <policyName>')
    .description('has the Schedule start a run now, and names it')
    .addOption(jsonOption())
    .action((policyName: string) =>
      shell.connected(async (holdfast) => {
        const run = await new BackupPolicies(holdfast).trigger(policyName);
        const look = whereToLook(holdfast, run.workflowId, 'progress');
        shell.print({ policyName, triggered: true, ...run, ...look });
      }),
    );

  policy
    .command('backfill <policyName>')
    .description('runs the slots of a time, each a backup of now; a slot that was done makes nothing new')
    .addOption(new Option('--from <time>', 'ISO 8601 with offset').argParser(instant).makeOptionMandatory())
    .addOption(new Option('--to <time>', 'ISO 8601 with offset').argParser(instant).makeOptionMandatory())
    .option('--yes', 'also when these are the slots of more than a day', false)
    .addOption(jsonOption())
    .action((policyName: string, { from, to, yes }: { from: Date; to: Date; yes: boolean }) =>
      shell.connected(async (holdfast) => {
        const slots = await new BackupPolicies(holdfast).backfill(policyName, from, to, yes);
        shell.print({
          policyName,
          backfilled: { from: from.toISOString(), to: to.toISOString(), slots },
          runs: `temporal workflow list --query '${SEARCH_ATTRIBUTES.policy.name} = "${policyName}"'`,
        });
      }),
    );

  const remove = policy
    .command('delete <policyName>')
    .description('deletes the Schedule; its points still expire')
    .option(...YES)
    .addOption(jsonOption())
    .action(async (policyName: string, { yes }: { yes: boolean }) => {
      await shell.requireYes(remove, yes, `this deletes policy ${policyName}; its points still expire`);
      return shell.connected(async (holdfast) =>
        shell.print(await deleteBackupPolicy(holdfast, { policyName })),
      );
    });
}

/** In the order of the files: what fails leaves those after it untouched. */
async function doOneByOne<Item extends { policyName: string }, Result>(
  items: readonly Item[],
  doing: string,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, item] of items.entries()) {
    const which = items.length > 1 ? ` (${index + 1} of ${items.length})` : '';
    results.push(await sayDuring(`${doing} ${item.policyName}${which}`, () => work(item)));
  }
  return results;
}

function instant(text: string): Date {
  const parsed = instantSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not an instant');
  return new Date(parsed.data);
}
