#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import {
  CampaignNotFound,
  ConfigError,
  Holdfast,
  OPERATION_NAMES,
  OperationFailed,
  PolicyFileError,
  BackfillRefused,
  PolicyNotFound,
  type OperationName,
} from '../client';
import { readTemporalConfig } from '../config';
import { MESSAGE_NAMES } from '../model/messages';
import { TASK_QUEUE } from '../model/names';
import { opened } from '../store/encryptedStore';
import { loadDataConverter } from '../temporal/dataConverter';
import { costCommand } from './cost';
import { encryptCommands } from './encrypt';
import { messageCommands } from './messages';
import { jsonObject } from './options';
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
encryptCommands(program, connected, print);
costCommand(program, print);

program
  .command('progress <workflowId>')
  .description('what a running operation is doing')
  .option('--cursor <cursor>', 'nextCursor of the page before')
  .action((workflowId: string, { cursor }: { cursor?: string }) =>
    connected(async (holdfast) => print(await holdfast.operation(workflowId).progress(cursor))),
  );

program
  .command('document <file>')
  .description(
    'a manifest or evidence, decrypted with HOLDFAST_DATA_CONVERTER where it is encrypted; - for stdin',
  )
  .action(async (file: string) => {
    const { dataConverterModule } = readTemporalConfig(process.env);
    const converter = await loadDataConverter(dataConverterModule);
    const document = readFileSync(file === '-' ? process.stdin.fd : file, 'utf8');
    process.stdout.write(`${await opened(document, converter?.payloadCodecs ?? [])}\n`);
  });

messageCommands(program, MESSAGE_NAMES, { connected, print });

async function connected(work: (holdfast: Holdfast) => Promise<void>): Promise<void> {
  const holdfast = await Holdfast.connect();
  const hint = sayWhereNoWorkerIs(holdfast);
  try {
    await work(holdfast);
  } finally {
    await hint;
    await holdfast.close();
  }
}

/** Temporal takes everything and waits: without this, a command that nobody carries out looks like one that takes long. */
async function sayWhereNoWorkerIs(holdfast: Holdfast): Promise<void> {
  // Whoever may start workflows need not be allowed to look at task queues.
  const hasWorker = await holdfast.hasWorker().catch(() => true);
  if (hasWorker) return;
  const { namespace } = holdfast.temporal.options;
  process.stderr.write(
    `holdfast: no worker polls the task queue ${TASK_QUEUE} in namespace ${namespace}; nothing goes on until one does (npm run worker)\n`,
  );
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
  const isUsage = [ConfigError, PolicyFileError, PolicyNotFound, BackfillRefused, CampaignNotFound].some(
    (type) => error instanceof type,
  );
  return isUsage ? 2 : 1;
}
