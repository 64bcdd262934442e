// Holdfast at work: a Temporal server, a worker process, and what they took.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineSearchAttributeKey } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES, TASK_QUEUE } from '../../dist/src/model/names.js';
import { DIST, PYTHON } from '../../local/setup/paths.mjs';
import { memoryOf } from '../servers.mjs';
import { environment } from './aws.mjs';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
const DAY_MS = 86_400_000;

export class BenchHoldfast {
  static async start(aws, { speed, share = 0.5 }) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
    const temporal = await TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: 'existing-path', path: join(PYTHON, 'bin/temporal') },
        extraArgs: ['--output', 'none'],
        log: { format: 'pretty', level: 'never' },
        searchAttributes: Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) =>
          defineSearchAttributeKey(name, type),
        ),
      },
    });
    const options = {
      speed,
      share,
      folder,
      address: temporal.address,
      bundle: join(DIST, 'workflow-bundle.js'),
    };
    const worker = fork(WORKER, [JSON.stringify(options)], {
      env: { ...process.env, ...environment(aws.endpoint) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    });
    return new BenchHoldfast(temporal, worker, folder);
  }

  constructor(temporal, worker, folder) {
    Object.assign(this, { temporal, worker, folder, peakMiB: 0 });
    this.watch = setInterval(() => (this.peakMiB = Math.max(this.peakMiB, memoryOf(worker.pid))), 250);
  }

  apply(more = {}) {
    const selector = { tags: { all: { policy: 'bench' } } };
    return this.run('createBackupPolicy', {
      policyName: 'bench',
      frequency: '1d',
      retention: '2d',
      minKeep: 1,
      selector,
      ...more,
    });
  }

  /** One slot, with its copies. */
  async backUp() {
    const result = await this.run('runBackup', { policyName: 'bench' });
    for (const { workflowId } of result.copies.items)
      await this.temporal.client.workflow.getHandle(workflowId).result();
    return result;
  }

  expire() {
    return this.run('enforceExpiry', {});
  }

  run(type, input) {
    return this.temporal.client.workflow.execute(type, {
      args: [input],
      taskQueue: TASK_QUEUE,
      workflowId: `${type}-${randomUUID()}`,
    });
  }

  /** Moves Holdfast's clock on; the local AWS has one of its own. */
  advanceDays(days) {
    this.worker.send({ advanceMs: days * DAY_MS });
  }

  /** Events in the histories of runs and their children so far, and of the longest of them. */
  async events(types = ['runBackup', 'backupTarget']) {
    const lengths = [];
    const query = types.map((type) => `WorkflowType = '${type}'`).join(' OR ');
    // Visibility is a moment behind.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    for await (const { historyLength } of this.temporal.client.workflow.list({ query }))
      lengths.push(historyLength);
    return { total: lengths.reduce((sum, length) => sum + length, 0), longest: Math.max(0, ...lengths) };
  }

  async stop() {
    clearInterval(this.watch);
    this.worker.kill('SIGKILL');
    await this.temporal.teardown();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
