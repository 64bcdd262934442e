import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectedTo } from '../../src/cli/localStack';
import { aWorld, type World } from '../support/world';

/** A port that nothing listens on. */
const NOBODY = '127.0.0.1:1';

describe('where the command line looks for Temporal', () => {
  let world: World;
  let folder: string;

  beforeAll(async () => {
    [world, folder] = await Promise.all([
      aWorld({ worker: false }),
      mkdtemp(path.join(tmpdir(), 'holdfast-stack-')),
    ]);
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const publish = (temporalAddress: string) =>
    writeFile(
      path.join(folder, 'stack.json'),
      JSON.stringify({ temporalAddress, namespace: world.temporal.namespace ?? 'default' }),
    );

  it('is the stack of its folder, whatever its ports are, when nothing is configured', async () => {
    await publish(world.temporal.address);
    const holdfast = await connectedTo({}, folder);
    expect(await holdfast.hasWorker()).toBe(false);
    await holdfast.close();
  });

  it('is what is configured, whatever stack runs', async () => {
    await publish(NOBODY);
    const holdfast = await connectedTo({ TEMPORAL_ADDRESS: world.temporal.address }, folder);
    await holdfast.close();
  });

  it('says of a stack that has gone where it was, and how it is started', async () => {
    await publish(NOBODY);
    const refused = connectedTo({}, folder);
    await expect(refused).rejects.toThrow(
      `the stack that ${path.join(folder, 'stack.json')} tells of does not answer at ${NOBODY}; start it again (npm run stack)`,
    );
  });
});
