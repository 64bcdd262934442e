import type { WorkflowHandle } from '@temporalio/client';
import { MigrationWorld } from './migration';
import { WorkerProcesses } from './workerProcess';
import { FAST } from './world';

/** Activities of a killed worker are noticed after these, not after half a minute. */
export const SHORT_LIMITS = { heartbeat: 3_000, startToClose: 5_000 };

/** For activities that do much in one attempt, and say meanwhile that they live. */
export const HEARTBEAT_LIMIT = { heartbeat: 3_000 };

/**
 * The world of a suite whose worker is a process that its tests kill; whichever took over serves the next test. Reads do not
 * lag here; test/e2e/killedBackup.test.ts waits for as long as production does.
 */
export function mortalWorkers() {
  let migrations: MigrationWorld;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ worker: false });
    workers = await WorkerProcesses.prepare(migrations.world, FAST);
  });
  afterAll(async () => {
    await workers.close();
    await migrations.close();
  });
  beforeEach(() => migrations.world.proxy.reset());

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
