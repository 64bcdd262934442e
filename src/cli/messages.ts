import type { Command } from 'commander';
import { meantWorkflow } from '../client';
import type { MessageName, RollbackMessage } from '../model/messages';
import { jsonOption } from './options';
import type { Shell } from './shell';

interface Signed {
  by: string;
  reason: string;
}

export type Said = Signed & Pick<RollbackMessage, 'acceptWriteLossSince'> & { item?: string[] };

/** What a rollback of a migration has to accept. */
export const LOSS_FLAG = [
  '--accept-write-loss-since <time>',
  'what was written to new volumes since then may leave the machine; it stays as snapshots',
] as const;

/** Every message says who sends it, and why. */
export function addSignature(command: Command): Command {
  return command
    .requiredOption('--by <who>', 'who you are: a claim, not authentication')
    .requiredOption('--reason <why>', 'why');
}

export function messageOf({ by, reason, item, acceptWriteLossSince }: Said): RollbackMessage {
  return { by, reason, ...(item && { items: item }), ...(acceptWriteLossSince && { acceptWriteLossSince }) };
}

/** Commands that each send one message to a running workflow. */
export function addMessageCommands(parent: Command, names: readonly MessageName[], shell: Shell): void {
  for (const name of names) {
    const command = addSignature(
      parent.command(`${kebab(name)} <workflowId>`).description(`send ${name} to a running operation`),
    )
      .option('--item <item...>', 'only these items')
      .addOption(jsonOption());
    if (name === 'rollback') command.option(...LOSS_FLAG);
    command.action((workflowId: string, said: Said) =>
      shell.connected(async (holdfast) => {
        await holdfast.operation(await meantWorkflow(holdfast, workflowId))[name](messageOf(said));
        shell.print({ accepted: true, message: name });
      }),
    );
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
