import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { allHeartbeats, cloudWatchHeartbeats, prometheusHeartbeats } from '../../../src/telemetry/heartbeats';
import { ROOT } from '../../support/paths';

const shipped = (file: string) => readFileSync(path.join(ROOT, 'deploy', file), 'utf8');
const BEAT = {
  policyName: 'critical',
  target: { accountId: '123456789012', region: 'us-east-1' },
  protected: 3,
  failed: 0,
  at: 1_000_000,
};

/** What the sinks really send. */
async function sent() {
  const gauges: Record<string, string[]> = {};
  const metrics: {
    Namespace?: string;
    MetricData?: { MetricName: string; Dimensions: { Name: string }[] }[];
  }[] = [];
  const meter = {
    createGauge: (name: string) => ({
      set: (_: number, labels: Record<string, string>) => void (gauges[name] = Object.keys(labels)),
    }),
  };
  const client = {
    send: (command: { input: (typeof metrics)[0] }) => Promise.resolve(metrics.push(command.input)),
  };
  await allHeartbeats([
    prometheusHeartbeats(meter as never),
    cloudWatchHeartbeats(client as never, 'Holdfast'),
  ]).beat(BEAT);
  return { gauges, metrics };
}

describe('the shipped alarms', () => {
  it('of Prometheus ask for metrics and labels that there are', async () => {
    const { gauges } = await sent();
    const { groups } = parse(shipped('prometheus/alerts.yaml')) as {
      groups: { rules: { expr: string }[] }[];
    };
    const asked = groups
      .flatMap(({ rules }) => rules)
      .flatMap(({ expr }) => expr.match(/holdfast_\w+/g) ?? []);
    expect([...new Set(asked)].sort()).toEqual(Object.keys(gauges).sort());
    for (const labels of Object.values(gauges))
      expect(labels).toEqual(expect.arrayContaining(['policy', 'account', 'region']));
  });

  it('of CloudWatch asks for a metric and dimensions that there are, and takes silence for an alarm', async () => {
    const { metrics } = await sent();
    const { Resources } = parse(shipped('cloudwatch/alarm.yaml'), { logLevel: 'error' }) as {
      Resources: { BackupMissing: { Properties: Record<string, unknown> } };
    };
    const { MetricName, Dimensions, TreatMissingData } = Resources.BackupMissing.Properties;
    const metric = metrics[0]?.MetricData?.find((each) => each.MetricName === MetricName);
    expect(metric?.Dimensions.map(({ Name }) => Name)).toEqual(
      (Dimensions as { Name: string }[]).map(({ Name }) => Name),
    );
    expect(TreatMissingData).toBe('breaching');
  });
});
