import { setTimeout as sleep } from 'node:timers/promises';
import type { DataConverter } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../activities';
import type { WorkerConfig } from '../config';
import { TASK_QUEUE, WAITS_TASK_QUEUE } from '../model/names';
import { runsInWorkflows } from './dataConverter';

/** After a first signal, activities that do something get this long before they are told to hand over. */
const GRACE = '10 seconds';

/** One that waits has nothing to finish: it hands over at once, and its wait goes on elsewhere. */
const WAITS_GRACE = 0;

/** And this long in all; then the process ends and their heartbeat timeouts hand them over. */
const FORCE = '25 seconds';

/** A waiting activity costs one Describe every few seconds and next to no memory. */
const WAIT_SLOTS = 1000;

const ACTION_SLOTS = 100;

interface WorkersOptions {
  connection: NativeConnection;
  config: Pick<WorkerConfig, 'temporal' | 'workflowBundle'>;
  activities: Activities;
  dataConverter?: DataConverter;
}

/** The two workers of the process: one for workflows and everything that does something, one for waits. */
export async function createWorkers(options: WorkersOptions): Promise<Worker[]> {
  const { connection, config, activities, dataConverter } = options;
  const common = {
    connection,
    namespace: config.temporal.namespace,
    activities,
    dataConverter,
    shutdownForceTime: FORCE,
  } satisfies Partial<WorkerOptions>;
  return Promise.all([
    Worker.create({
      ...common,
      ...workflowSource(config, dataConverter),
      taskQueue: TASK_QUEUE,
      shutdownGraceTime: GRACE,
      maxConcurrentActivityTaskExecutions: ACTION_SLOTS,
    }),
    Worker.create({
      ...common,
      taskQueue: WAITS_TASK_QUEUE,
      shutdownGraceTime: WAITS_GRACE,
      maxConcurrentActivityTaskExecutions: WAIT_SLOTS,
    }),
  ]);
}

function workflowSource(
  { workflowBundle }: Pick<WorkerConfig, 'workflowBundle'>,
  dataConverter: DataConverter | undefined,
): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  if (workflowBundle && (workflowBundle.chosen || !runsInWorkflows(dataConverter))) {
    return { workflowBundle: { codePath: workflowBundle.path } };
  }
  return { workflowsPath: require.resolve('../workflows') };
}

/** Resolves when the server has seen this process poll both queues, or when the workers stop. */
export async function awaitPolling(
  { workflowService }: NativeConnection,
  workers: readonly Worker[],
  namespace: string,
): Promise<void> {
  for (const worker of workers) {
    const { options } = worker;
    while (worker.getState() === 'RUNNING') {
      const { pollers } = await workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: options.taskQueue },
        taskQueueType: ACTIVITY_TASK_QUEUE,
      });
      if (pollers?.some(({ identity }) => identity === options.identity)) break;
      await sleep(100);
    }
  }
}

/** Temporal's TaskQueueType. */
const ACTIVITY_TASK_QUEUE = 2;
