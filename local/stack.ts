/** npm run stack: everything up and a fleet to play with, no story. */
import { firstCommands, stackTable } from './story/words';
import { flags } from './stack/options';
import { Program } from './stack/program';
import { Stack } from './stack/stack';

const say = (line: string) => process.stdout.write(`${line}\n`);

void Program.run(async (program) => {
  flags(process.argv.slice(2), [], 'npm run stack');
  const stack = await Stack.start(say, (stop) => program.atEnd(stop));
  say(stackTable(stack));
  say(firstCommands());
  say('stack ready; .holdfast/stack.json tells where; Ctrl-C stops everything');
  return Promise.race([
    program.untilInterrupted(0),
    stack.failure().then((problem) => {
      throw problem;
    }),
  ]);
});
