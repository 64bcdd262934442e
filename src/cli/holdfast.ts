#!/usr/bin/env node
import { Argument, Command, CommanderError, Help, Option } from 'commander';
import { meantWorkflow, OPERATION_NAMES, OperationFailed, type OperationName } from '../client';
import { readTemporalConfig } from '../config';
import { MESSAGE_NAMES } from '../model/messages';
import { openDocument } from '../store/encryptedStore';
import { loadDataConverter } from '../temporal/dataConverter';
import { completionCommand } from './completion';
import { addCostCommand } from './cost';
import { addEncryptCommands } from './encrypt';
import { MORE_HELP } from './help';
import { inventoryCommand } from './inventory';
import { addMessageCommands } from './messages';
import { fileContent, jsonObject, jsonOption } from './options';
import { packageVersion } from './package';
import { addPolicyCommands } from './policy';
import { asksForJson, EXIT, exitCodeOf, refusalOf, refusalText } from './refusal';
import { schemaCommand } from './schema';
import { Shell } from './shell';
import { DETACHED, whereToLook } from './started';
import { watching } from './waiting';

/**
 * The client for shells. The `temporal` CLI does the same and more, except where payloads are encrypted: this one
 * loads HOLDFAST_DATA_CONVERTER. Results go to stdout, and what went wrong to stderr; what the exit codes mean is in `MORE_HELP`.
 */
const asJson = asksForJson(process.argv.slice(2));
const shell = new Shell();
const program = new Command('holdfast')
  .description('Backups, encryption and image sharing as Temporal workflows')
  .version(packageVersion(), '-V, --version', 'the version of this program')
  // Before the commands, which inherit these.
  .exitOverride()
  .configureOutput({ outputError: (text, write) => (asJson ? undefined : write(text)) })
  .configureHelp({
    optionDescription: (option) =>
      `${Help.prototype.optionDescription.call(new Help(), option)}${option.mandatory ? ' (required)' : ''}`,
  })
  .addHelpText('after', MORE_HELP);

interface RunOptions {
  input: object;
  workflowId?: string;
  detach?: boolean;
}

program
  .command('run')
  .addArgument(new Argument('<operation>', 'what to do').choices(OPERATION_NAMES))
  .description('start an operation and wait for its result; with --detach only start it')
  .addOption(new Option('--input <json>', 'the input, or @file').argParser(jsonObject).default({}, '{}'))
  .option('--workflow-id <id>', 'workflow id; made up when left out')
  .option('--detach', `does not wait: ${DETACHED}`)
  .addOption(jsonOption())
  .action((name: OperationName, { input, workflowId, detach }: RunOptions) =>
    shell.connected(async (holdfast) => {
      const started = await holdfast.start(name, input, { workflowId });
      const look = whereToLook(holdfast, started.workflowId, 'progress');
      shell.print(detach ? look : await watching(started, look.status));
    }),
  );

inventoryCommand(program, shell);
addPolicyCommands(program, shell);
addEncryptCommands(program, shell);
addCostCommand(program, shell);
schemaCommand(program, shell);

program
  .command('progress <workflowId>')
  .description('what a running operation is doing')
  .option('--cursor <cursor>', 'nextCursor of the page before')
  .addOption(jsonOption())
  .action((workflowId: string, { cursor }: { cursor?: string }) =>
    shell.connected(async (holdfast) =>
      shell.print(await holdfast.operation(await meantWorkflow(holdfast, workflowId)).progress(cursor)),
    ),
  );

program
  .command('document')
  .addArgument(new Argument('<file>', 'or - for stdin').argParser(fileContent))
  .description('a manifest or evidence, decrypted with HOLDFAST_DATA_CONVERTER where it is encrypted')
  .action(async (document: string) => {
    const { dataConverterModule } = readTemporalConfig(process.env);
    const converter = await loadDataConverter(dataConverterModule);
    process.stdout.write(`${await openDocument(document, converter?.payloadCodecs ?? [])}\n`);
  });

addMessageCommands(program, MESSAGE_NAMES, shell);

completionCommand(program);

program.parseAsync().catch((error: unknown) => {
  if (error instanceof OperationFailed && error.result !== undefined) shell.print(error.result);
  process.exitCode = exitCodeOf(error);
  // Commander has told people already what is wrong with a call.
  if (process.exitCode === EXIT.done || (error instanceof CommanderError && !asJson)) return;
  process.stderr.write(`${refusalText(refusalOf(error), asJson)}\n`);
});
