import { once } from 'node:events';
import { GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import { awaitResult } from '../support/awaitResult';
import { aKey } from '../support/seed';
import { aWorld, type World } from '../support/world';
import { WorkerProcesses } from '../support/workerProcess';

/** Activities of a killed worker are noticed after these, not after half a minute. */
const LIMITS = { heartbeat: 3_000, startToClose: 5_000 };

describe('a worker process that is killed', () => {
  let world: World;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    world = await aWorld({ worker: false });
    workers = await WorkerProcesses.prepare(world);
  });
  afterAll(async () => {
    await workers.close();
    await world.close();
  });
  beforeEach(() => world.proxy.reset());

  /** Kills the worker when the nth call of an action has taken effect and nobody knows it yet. */
  async function killAt(action: string, nth = 1): Promise<Promise<unknown>> {
    const worker = await workers.start();
    world.proxy.fault(action, { held: () => workers.kill(worker) }, nth);
    return once(worker, 'exit');
  }

  it('loses nothing: the next one finishes the run', async () => {
    const key = await aKey(world.home);
    const killed = killAt('EnableEbsEncryptionByDefault');
    const handle = await world.start(
      'enableEncryptionByDefault',
      { kmsKeyIds: { 'us-east-1': key } },
      { limits: LIMITS },
    );
    await killed;
    await workers.start();
    await awaitResult(handle);
    const settings = await world.home.ec2().send(new GetEbsEncryptionByDefaultCommand({}));
    expect(settings.EbsEncryptionByDefault).toBe(true);
  });
});
