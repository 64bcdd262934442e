// Holdfast's worker in a process of its own, as src/worker.ts wires it, with all waiting as much faster as the local
// AWS is.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../dist/src/activities/index.js';
import { DEFAULT_SETTINGS } from '../../dist/src/activities/support/deps.js';
import { RateBudget } from '../../dist/src/aws/rateBudget.js';
import { AwsSessions } from '../../dist/src/aws/sessions.js';
import { FolderStore } from '../../dist/src/store/folderStore.js';
import { createWorkers } from '../../dist/src/temporal/workers.js';

const { speed, address, folder, share, bundle } = JSON.parse(process.argv[2]);
Runtime.install({ logger: new DefaultLogger('ERROR') });

let offsetMs = 0;
process.on('message', ({ advanceMs }) => (offsetMs += advanceMs));
const startedAt = performance.now();
const passedMs = () => (performance.now() - startedAt) * speed;

const connection = await NativeConnection.connect({ address });
const budget = new RateBudget({
  share,
  now: passedMs,
  wait: (ms, signal) => sleep(ms / speed, undefined, { signal }),
});
const activities = createActivities({
  aws: new AwsSessions({ region: process.env.AWS_REGION, budget }),
  temporal: new Client({ connection }),
  manifests: new FolderStore(`${folder}/manifests`),
  evidence: new FolderStore(`${folder}/evidence`),
  heartbeats: { beat: async () => {} },
  notifier: { send: async () => {} },
  clock: { now: () => Date.now() + offsetMs },
  settings: {
    readLagMs: DEFAULT_SETTINGS.readLagMs / speed,
    pollMs: DEFAULT_SETTINGS.pollMs / speed,
  },
});
const config = { temporal: { namespace: 'default' }, workflowBundle: { path: bundle, chosen: true } };
const workers = await createWorkers({ connection, config, activities });
process.send('ready');
await Promise.all(workers.map((worker) => worker.run()));
