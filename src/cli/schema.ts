import { Argument, type Command } from 'commander';
import { OPERATION_NAMES, type OperationName } from '../client';
import { writtenSchema } from '../model/input';
import { OPERATIONS } from '../model/operations';
import { OPERATION_INPUTS } from '../model/operations/inputs';
import { outputOption, type Output } from './options';
import type { Shell } from './shell';
import { table } from './table';

/** `holdfast schema`: what each operation takes, for people, editors and programs. It connects to nothing. */
export function schemaCommand(program: Command, shell: Shell): void {
  program
    .command('schema')
    .addArgument(
      new Argument('[operation]', 'which one; all of them are listed without it').choices(OPERATION_NAMES),
    )
    .description("the JSON Schema of an operation's input, or what operations there are")
    .addOption(outputOption())
    .action((name: OperationName | undefined, output: Output) => {
      if (name !== undefined) return shell.print(operationSchema(name));
      const all = OPERATION_NAMES.map((each) => ({ name: each, does: OPERATIONS[each].does }));
      shell.say(output, all, () =>
        table(
          ['OPERATION', 'WHAT IT DOES'],
          all.map(({ name: each, does }) => [each, does]),
        ),
      );
    });
}

/** With the operation's name as title. */
function operationSchema(name: OperationName): object {
  const { $schema, ...schema } = writtenSchema(OPERATION_INPUTS[name]);
  return { $schema, title: name, description: OPERATIONS[name].does, ...schema };
}
