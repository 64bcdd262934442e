import { PutMetricDataCommand, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { MetricMeter } from '@temporalio/common';
import type { Target } from '../model/target';

/** One target of one run of a policy is over. */
export interface Heartbeat {
  policyName: string;
  target: Target;
  /** Resources with a point inside the RPO, and those without. */
  protected: number;
  failed: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Told of every run, so that the absence of runs can raise an alarm: nobody reports that nothing happens. */
export interface HeartbeatSink {
  beat(heartbeat: Heartbeat): Promise<void>;
}

/** On the worker's Prometheus endpoint; alarms for it are in deploy/prometheus. */
export function prometheusHeartbeats(meter: MetricMeter): HeartbeatSink {
  const last = meter.createGauge(
    'holdfast_backup_last_success',
    'int',
    's',
    'When everything that a policy selects in a target was last protected, in seconds since the epoch',
  );
  const resources = meter.createGauge(
    'holdfast_backup_resources',
    'int',
    '1',
    'Resources of the last run of a policy in a target, by state: protected or failed',
  );
  return {
    beat({ policyName, target, protected: good, failed, at }) {
      const labels = { policy: policyName, account: target.accountId, region: target.region };
      if (failed === 0) last.set(Math.round(at / 1000), labels);
      resources.set(good, { ...labels, state: 'protected' });
      resources.set(failed, { ...labels, state: 'failed' });
      return Promise.resolve();
    },
  };
}

/** As metrics of CloudWatch, in the worker's own account and region; alarms for it are in deploy/cloudwatch. */
export function cloudWatchHeartbeats(client: CloudWatchClient, namespace: string): HeartbeatSink {
  return {
    async beat({ policyName, target, protected: good, failed, at }) {
      const common = {
        Timestamp: new Date(at),
        Unit: 'Count' as const,
        Dimensions: [
          { Name: 'Policy', Value: policyName },
          { Name: 'Account', Value: target.accountId },
          { Name: 'Region', Value: target.region },
        ],
      };
      await client.send(
        new PutMetricDataCommand({
          Namespace: namespace,
          MetricData: [
            ...(failed === 0 ? [{ ...common, MetricName: 'BackupHeartbeat', Value: 1 }] : []),
            { ...common, MetricName: 'ResourcesProtected', Value: good },
            { ...common, MetricName: 'ResourcesFailed', Value: failed },
          ],
        }),
      );
    },
  };
}

export function allHeartbeats(sinks: readonly HeartbeatSink[]): HeartbeatSink {
  return {
    async beat(heartbeat) {
      await Promise.all(sinks.map((sink) => sink.beat(heartbeat)));
    },
  };
}
