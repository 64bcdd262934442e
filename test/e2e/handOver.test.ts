import { heartbeat, sleep } from '@temporalio/activity';
import type { Worker } from '@temporalio/worker';
import { createActivities, type Activities } from '../../src/activities';
import { createWorkers } from '../../src/temporal/workers';
import { awaitResult } from '../support/awaitResult';
import { aKey, anInstance } from '../support/seed';
import { shared } from '../support/shared';
import { aWorld, type World } from '../support/world';

/** Below the 30 seconds after which the server would give up on a lost heartbeat. */
const AT_ONCE_MS = 20_000;

describe('a long wait, when its worker is told to stop', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ worker: false, otherAccounts: 1 });
  });
  afterAll(() => world.close());

  async function start(
    override: Partial<Activities>,
  ): Promise<{ workers: Worker[]; ended: Promise<unknown> }> {
    const { nativeConnection, namespace = 'default' } = world.temporal;
    const workers = await createWorkers({
      connection: nativeConnection,
      config: {
        temporal: { namespace, connectionOptions: { address: world.temporal.address } },
        workflowBundle: { path: shared('bundle'), chosen: true },
      },
      activities: { ...createActivities(world.deps), ...override },
    });
    return { workers, ended: Promise.all(workers.map((worker) => worker.run())) };
  }

  async function stop({ workers, ended }: Awaited<ReturnType<typeof start>>): Promise<void> {
    for (const worker of workers) worker.shutdown();
    await ended;
  }

  it('is handed over at once and goes on elsewhere', async () => {
    const [{ instanceId }, kmsKeyId] = await Promise.all([anInstance(world.home), aKey(world.home)]);
    let waiting: () => void;
    const begun = new Promise<void>((resolve) => (waiting = resolve));
    const first = await start({
      async waitForImages() {
        heartbeat();
        waiting();
        await sleep('1 hour');
      },
    });
    const handle = await world.start('createShareableAmi', {
      instanceId,
      kmsKeyId,
      amiName: 'golden',
      description: 'handed over',
      partnerAccounts: world.others.map(({ accountId }) => accountId),
    });
    await begun;
    const stoppedAt = Date.now();
    await stop(first);
    const second = await start({});
    await awaitResult(handle);
    expect(Date.now() - stoppedAt).toBeLessThan(AT_ONCE_MS);
    await stop(second);
  });
});
