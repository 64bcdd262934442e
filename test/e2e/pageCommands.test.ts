import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ClonedStack } from '../support/clonedStack';
import { blocksOf, pagesToRun, runBlocks } from '../support/pageCommands';
import { ROOT } from '../support/paths';

// Commands wait for their results.
jest.setTimeout(10 * 60_000);

describe('what people are given to paste works as it stands', () => {
  let stack: ClonedStack;
  beforeAll(async () => (stack = await ClonedStack.start()));
  afterAll(() => stack.close());

  it('below a stack that is ready', async () => {
    const from = stack.said.findIndex((line) => line.startsWith('To paste next'));
    const commands = stack.said.slice(from + 1).filter((line) => line.startsWith('  '));
    expect(commands[0]).toBe('  source .holdfast/env');
    expect(commands.length).toBeGreaterThan(4);
    const block = { at: 'npm run stack', script: commands.map((line) => line.trim()).join('\n') };
    // All shipped policies find something on the fleet, and have no problem there.
    const shipped = { at: 'policies', script: 'holdfast policy plan policies/' };
    await runBlocks([block, shipped], stack.folder);
  });

  const shell = { at: 'the shell', script: 'source .holdfast/env' };

  it.each(pagesToRun())('in %s', async (page) => {
    const blocks = blocksOf(page, readFileSync(path.join(ROOT, page), 'utf8'));
    expect(blocks.length).toBeGreaterThan(0);
    await runBlocks([shell, ...blocks], stack.folder);
  });
});
