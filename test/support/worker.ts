import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { Activities } from '../../src/activities';
import { TASK_QUEUE, WAITS_TASK_QUEUE } from '../../src/model/names';
import { shared } from './shared';

interface WorkerOptions {
  activities: Activities;
  /** False replays the whole history at every workflow task: what a workflow keeps outside its history shows. */
  cache?: boolean;
}

export interface RunningWorker {
  stop(): Promise<void>;
}

/** `HOLDFAST_TEST_CACHE=off` runs every suite without the workflow cache. */
const CACHE_BY_DEFAULT = process.env.HOLDFAST_TEST_CACHE !== 'off';

/** Serves both task queues, like the real worker. */
export async function startWorker(
  { nativeConnection, namespace = 'default' }: TestWorkflowEnvironment,
  { activities, cache = CACHE_BY_DEFAULT }: WorkerOptions,
): Promise<RunningWorker> {
  const common = { connection: nativeConnection, namespace, activities, shutdownGraceTime: 2_000 };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUE,
      workflowBundle: { codePath: shared('bundle') },
      ...(cache ? {} : { maxCachedWorkflows: 0 }),
    }),
    Worker.create({ ...common, taskQueue: WAITS_TASK_QUEUE }),
  ]);
  const runs = workers.map((worker) => worker.run());
  return {
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.all(runs);
    },
  };
}
