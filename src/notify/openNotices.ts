import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SNSClient } from '@aws-sdk/client-sns';
import type { MetricMeter } from '@temporalio/common';
import type { WorkerConfig } from '../config';
import {
  allHeartbeats,
  cloudWatchHeartbeats,
  prometheusHeartbeats,
  type HeartbeatSink,
} from '../telemetry/heartbeats';
import { Notifiers, type Notifier } from './notifier';

interface Notices {
  heartbeats: HeartbeatSink;
  notifier: Notifier;
  destroy(): void;
}

/** What the worker tells the outside, with its own credentials; a doubled message or metric does no harm. */
export function openNotices(
  { aws, cloudWatchNamespace, notify }: Pick<WorkerConfig, 'aws' | 'cloudWatchNamespace' | 'notify'>,
  meter: MetricMeter,
): Notices {
  const clients: { destroy(): void }[] = [];
  const kept = <Client extends { destroy(): void }>(client: Client): Client => {
    clients.push(client);
    return client;
  };
  const sns = new Map<string, SNSClient>();
  const snsIn = (region: string): SNSClient => {
    const client = sns.get(region) ?? kept(new SNSClient({ region }));
    sns.set(region, client);
    return client;
  };
  const cloudWatch = cloudWatchNamespace
    ? [cloudWatchHeartbeats(kept(new CloudWatchClient({ region: aws.region })), cloudWatchNamespace)]
    : [];
  return {
    heartbeats: allHeartbeats([prometheusHeartbeats(meter), ...cloudWatch]),
    notifier: new Notifiers(notify, snsIn),
    destroy: () => clients.forEach((client) => client.destroy()),
  };
}
