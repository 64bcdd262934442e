import type { Command } from 'commander';
import type { Message, MessageName } from '../model/messages';
import type { Connected, Print } from './options';

export interface Signed {
  by: string;
  reason: string;
}

/** Every message says who sends it, and why. */
export function signed(command: Command): Command {
  return command
    .requiredOption('--by <who>', 'who you are: a claim, not authentication')
    .requiredOption('--reason <why>', 'why');
}

/** Commands that each send one message to a running workflow. */
export function messageCommands(
  parent: Command,
  names: readonly MessageName[],
  { connected, print }: { connected: Connected; print: Print },
): void {
  for (const name of names) {
    signed(parent.command(`${kebab(name)} <workflowId>`).description(`send ${name} to a running operation`))
      .option('--item <item...>', 'only these items')
      .action((workflowId: string, { by, reason, item }: Signed & { item?: string[] }) =>
        connected(async (holdfast) => {
          const message: Message = { by, reason, ...(item && { items: item }) };
          await holdfast.operation(workflowId)[name](message);
          print({ accepted: true, message: name });
        }),
      );
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
