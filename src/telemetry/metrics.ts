import type { MetricMeter, MetricTags } from '@temporalio/common';
import type { CallObserver, ObservedCall } from '../aws/instrument';

/** Holdfast's own metrics, on the same Prometheus endpoint as Temporal's. */
export function awsMetrics(meter: MetricMeter): CallObserver {
  const calls = meter.createCounter('holdfast_aws_calls', '1', 'AWS calls by outcome: ok, or a failure type');
  const latency = meter.createHistogram(
    'holdfast_aws_call_latency',
    'int',
    'ms',
    'How long AWS took to answer',
  );
  const throttles = meter.createCounter('holdfast_aws_throttles', '1', 'Calls that AWS throttled');
  const waits = meter.createHistogram(
    'holdfast_aws_budget_wait',
    'int',
    'ms',
    'How long calls waited for HOLDFAST_API_SHARE of the request rate',
  );
  return {
    called(call, outcome, durationMs) {
      calls.add(1, { ...labels(call), outcome });
      latency.record(Math.round(durationMs), { service: call.service, action: call.action });
    },
    throttled(call) {
      throttles.add(1, labels(call));
    },
    waited(call, waitMs) {
      waits.record(Math.round(waitMs), labels(call));
    },
  };
}

function labels({ service, action, accountId, region }: ObservedCall): MetricTags {
  return { service, action, account: accountId, region };
}
