#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import {
  ConfigError,
  Holdfast,
  OPERATION_NAMES,
  OperationFailed,
  PolicyFileError,
  PolicyNotFound,
  type OperationName,
} from '../client';
import { MESSAGE_NAMES, type MessageName } from '../model/messages';
import { costCommand } from './cost';
import { policyCommands } from './policy';

/**
 * The client for shells. The `temporal` CLI does the same and more, except where payloads are encrypted: this one
 * loads HOLDFAST_DATA_CONVERTER. Results go to stdout as JSON. Exit code 0: everything asked for happened; 1: not
 * everything, and stdout has what did; 2: a setting, a file or the input is wrong; 3: done, and something is not as it
 * should be.
 */
const program = new Command('holdfast')
  .description('Backups, encryption and image sharing as Temporal workflows')
  // Before the commands, which inherit it.
  .exitOverride();

interface RunOptions {
  input: object;
  workflowId?: string;
  detach?: boolean;
}

program
  .command('run')
  .addArgument(new Argument('<operation>', 'what to do').choices(OPERATION_NAMES))
  .description('start an operation and wait for its result')
  .addOption(new Option('--input <json>', 'the input, or @file').argParser(jsonObject).default({}, '{}'))
  .option('--workflow-id <id>', 'workflow id; made up when left out')
  .option('--detach', 'do not wait; print the workflow id')
  .action((name: OperationName, { input, workflowId, detach }: RunOptions) =>
    connected(async (holdfast) => {
      // The workflow checks the input, and answers with every wrong field.
      const started = await holdfast.start(name, input, { workflowId });
      print(detach ? { workflowId: started.workflowId } : await started.result());
    }),
  );

policyCommands(program, connected, print);
costCommand(program, print);

program
  .command('progress <workflowId>')
  .description('what a running operation is doing')
  .option('--cursor <cursor>', 'nextCursor of the page before')
  .action((workflowId: string, { cursor }: { cursor?: string }) =>
    connected(async (holdfast) => print(await holdfast.operation(workflowId).progress(cursor))),
  );

interface MessageOptions {
  by: string;
  reason: string;
  item?: string[];
}

for (const name of MESSAGE_NAMES) {
  program
    .command(`${kebab(name)} <workflowId>`)
    .description(`send ${name} to a running operation`)
    .requiredOption('--by <who>', 'who you are: a claim, not authentication')
    .requiredOption('--reason <why>', 'why')
    .option('--item <item...>', 'only these items')
    .action((workflowId: string, { by, reason, item }: MessageOptions) =>
      connected((holdfast) => say(holdfast, name, workflowId, { by, reason, item })),
    );
}

async function say(
  holdfast: Holdfast,
  name: MessageName,
  workflowId: string,
  { by, reason, item }: MessageOptions,
): Promise<void> {
  await holdfast.operation(workflowId)[name]({ by, reason, ...(item && { items: item }) });
  print({ accepted: true, message: name });
}

async function connected(work: (holdfast: Holdfast) => Promise<void>): Promise<void> {
  const holdfast = await Holdfast.connect();
  try {
    await work(holdfast);
  } finally {
    await holdfast.close();
  }
}

function jsonObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  throw new InvalidArgumentError('not a JSON object; write it like {"policyName": "critical"}, or @file');
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

program.parseAsync().catch((error: unknown) => {
  process.exitCode = exitCode(error);
});

/** Says what went wrong, once. */
function exitCode(error: unknown): number {
  // Commander has said it already; asking for help is no error.
  if (error instanceof Error && 'exitCode' in error) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof OperationFailed) {
    if (error.result !== undefined) print(error.result);
    process.stderr.write(`holdfast: ${error.type}: ${error.message} (workflow ${error.workflowId})\n`);
    return error.type === 'InvalidInput' ? 2 : 1;
  }
  process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  const isUsage = [ConfigError, PolicyFileError, PolicyNotFound].some((type) => error instanceof type);
  return isUsage ? 2 : 1;
}
