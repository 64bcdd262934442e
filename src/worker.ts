import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, type Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from './activities';
import { DEFAULT_SETTINGS } from './activities/support/deps';
import { REAL_WAITS } from './activities/support/pace/waits';
import { RateBudget } from './aws/rateBudget';
import { AwsSessions } from './aws/sessions';
import { ConfigError, oneLine, readWorkerConfig, type WorkerConfig } from './config';
import { openNotices } from './notify/openNotices';
import { openStore, storeClient } from './store/openStore';
import { createLogger, TemporalLogger } from './telemetry/logging';
import { awsMetrics } from './telemetry/metrics';
import { loadDataConverter } from './temporal/dataConverter';
import { requireSearchAttributes } from './temporal/searchAttributes';
import { createWorkers, awaitPolling } from './temporal/workers';

/** A bad setting, as against a failure while running. */
const EXIT_BAD_CONFIG = 2;

/** One Ctrl-C may arrive twice: from the terminal, and again from npm. */
const SAME_SIGNAL_MS = 1_000;

async function main(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const dataConverter = await loadDataConverter(config.temporal.dataConverterModule);
  const logger = createLogger(config.logLevel);
  installRuntime(config, logger);
  forceOnSecondSignal(logger);
  const { connectionOptions, namespace } = config.temporal;
  const connection = await connect(config);
  const observer = awsMetrics(Runtime.instance().metricMeter);
  const budget = new RateBudget({ share: config.aws.apiShare });
  const sessions = new AwsSessions({ ...config.aws, budget, observer });
  const s3 = storeClient(config.aws, observer);
  const notices = openNotices(config, Runtime.instance().metricMeter);
  try {
    const unchecked = await requireSearchAttributes(connection, {
      namespace,
      address: connectionOptions.address,
    });
    if (unchecked)
      logger.warn({ command: unchecked }, 'search attributes cannot be looked up here; they must exist');
    const activities = createActivities({
      aws: sessions,
      temporal: new Client({ connection, namespace, dataConverter }),
      manifests: openStore(config.manifests, s3, dataConverter?.payloadCodecs),
      evidence: openStore(config.evidence, s3, dataConverter?.payloadCodecs),
      heartbeats: notices.heartbeats,
      notifier: notices.notifier,
      calendar: Date,
      waits: REAL_WAITS,
      settings: {
        ...DEFAULT_SETTINGS,
        ...(config.pollMs && { pollMs: config.pollMs }),
        ...(config.checkHosts && { checkHosts: config.checkHosts }),
      },
    });
    const workers = await createWorkers({ connection, config, activities, dataConverter });
    const runs = Promise.all(workers.map((worker) => runWithOthers(worker, workers)));
    await Promise.race([runs, awaitPolling(connection, workers, namespace)]);
    logger.info({ namespace, address: connectionOptions.address, pid: process.pid }, 'worker ready');
    await runs;
    logger.info('worker stopped');
  } finally {
    sessions.destroy();
    s3.destroy();
    notices.destroy();
    await connection.close();
  }
}

function installRuntime({ logLevel, metricsPort }: WorkerConfig, logger: Logger): void {
  try {
    Runtime.install({
      logger: new TemporalLogger(logger),
      shutdownSignals: ['SIGINT', 'SIGTERM'],
      telemetryOptions: {
        logging: { forward: {}, filter: { core: logLevel === 'debug' ? 'DEBUG' : 'WARN', other: 'ERROR' } },
        ...(metricsPort && { metrics: { prometheus: { bindAddress: `0.0.0.0:${metricsPort}` } } }),
      },
    });
  } catch (error) {
    throw new ConfigError(`HOLDFAST_METRICS_PORT: ${metricsPort} cannot be used: ${oneLine(error)}`);
  }
}

async function connect({ temporal }: WorkerConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(temporal.connectionOptions);
  } catch (error) {
    throw new ConfigError(
      `TEMPORAL_ADDRESS: cannot connect to Temporal at ${temporal.connectionOptions.address}; start it, or correct the address and TLS settings: ${oneLine(error)}`,
    );
  }
}

/** The process lives and dies as one: when one worker ends, on a signal or on an error, the other drains too. */
async function runWithOthers(worker: Worker, all: readonly Worker[]): Promise<void> {
  try {
    await worker.run();
  } finally {
    for (const other of all) if (other.getState() === 'RUNNING') other.shutdown();
  }
}

function forceOnSecondSignal(logger: Logger): void {
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = Date.now();
      logger.info({ signal }, 'draining; a second signal ends the process at once');
    } else if (Date.now() - first > SAME_SIGNAL_MS) {
      logger.warn({ signal }, 'ending at once; heartbeat timeouts hand running activities over');
      process.exit(1);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

main().catch((error: unknown) => {
  const badConfig = error instanceof ConfigError;
  const text = badConfig || !(error instanceof Error) ? oneLine(error) : (error.stack ?? error.message);
  process.stderr.write(`holdfast worker: ${text}\n`);
  process.exit(badConfig ? EXIT_BAD_CONFIG : 1);
});
