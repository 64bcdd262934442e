import type { WorkflowHandle } from '@temporalio/client';
import { MigrationWorld } from './migration';
import { WorkerProcesses } from './workerProcess';

/** Activities of a killed worker are noticed after these, not after half a minute. */
export const SHORT_LIMITS = { heartbeat: 3_000, startToClose: 5_000 };

/** Where a retry first waits out the read lag, its time is hardly shortened, nor is that of anything beside it. */
export const LAG_LIMITS = { heartbeat: 20_000 };

/** Reads do not lag here; test/e2e/killedBackup.test.ts waits for as long as production does. */
const SETTINGS = { pollMs: 500, readLagMs: 3_000 };

/** The world of a suite whose worker is a process that its tests start and kill; each begins and ends without one. */
export function mortalWorkers() {
  let migrations: MigrationWorld;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ worker: false });
    workers = await WorkerProcesses.prepare(migrations.world, SETTINGS);
  });
  afterAll(async () => {
    await workers.close();
    await migrations.close();
  });
  beforeEach(() => migrations.world.proxy.reset());
  afterEach(() => workers.killAll());

  return {
    get migrations() {
      return migrations;
    },
    get workers() {
      return workers;
    },
    killedAt: (action: string, start: () => Promise<WorkflowHandle>, nth?: number) =>
      workers.killedAt(migrations.world.proxy, action, start, nth),
  };
}
