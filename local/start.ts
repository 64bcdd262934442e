/** npm start: everything up, the labs played on a seeded fleet, and a summary of what the local AWS says then. */
import { checkLine } from './measure/check';
import { flags } from './stack/options';
import { Program } from './stack/program';
import { Stack } from './stack/stack';
import { storyContext } from './story/context';
import { playStory } from './story/story';
import { measure } from './story/summary';
import { linksToOpen, stackTable, storyCommands } from './story/words';

const say = (line = '') => process.stdout.write(`${line}\n`);

void Program.run(async (program) => {
  const given = flags(process.argv.slice(2), ['once'], 'npm start [-- --once]');
  const stack = await Stack.start(say, (stop) => program.atEnd(stop));
  const failed = stack.failure().then((problem) => {
    throw problem;
  });
  say(`${stackTable(stack)}\n`);
  const code = await Promise.race([tell(stack), failed]);
  if (given.has('once')) return code;
  say('\nEverything stays up until Ctrl-C.');
  return Promise.race([program.untilInterrupted(code), failed]);
});

async function tell(stack: Stack): Promise<number> {
  const context = await storyContext(stack);
  const failures = await playStory(context);
  say('\nWhat the local AWS says now:');
  const checks = await measure(context);
  for (const check of checks) say(checkLine(check));
  for (const failure of failures) say(`  ✗ ${failure}`);
  const held = checks.filter((each) => each.held).length;
  say(`${held} of ${checks.length} checks held${failures.length > 0 ? ', and the story broke off' : ''}.\n`);
  say(linksToOpen(stack.file, context.before.instanceId));
  say(storyCommands(stack.file, context.before.instanceId));
  await context.holdfast.close();
  return held === checks.length && failures.length === 0 ? 0 : 1;
}
