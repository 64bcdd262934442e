import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Notification } from '../../src/model/notification';
import { Notifiers } from '../../src/notify/notifier';
import { cloudWatchHeartbeats } from '../../src/telemetry/heartbeats';
import { anAccount, HOME_REGION } from '../support/accounts';
import { shared } from '../support/shared';

const NOTIFICATION: Notification = {
  kind: 'Failed',
  summary: 'all 3 resources failed',
  workflowType: 'runBackup',
  workflowId: 'backup/critical',
  runId: 'r',
};

describe('notifications', () => {
  const bodies: unknown[] = [];
  let server: Server;
  let answer = 200;
  let location: string | undefined;

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(JSON.parse(body));
        response.writeHead(answer, location === undefined ? {} : { location }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const webhook = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
  const noSns = () => {
    throw new Error('no SNS here');
  };

  it('go to webhooks as JSON', async () => {
    await new Notifiers([webhook()], noSns).send(NOTIFICATION);
    expect(bodies).toEqual([NOTIFICATION]);
  });

  it('fail when a receiver refuses, without its secret, and after all were told', async () => {
    answer = 503;
    bodies.length = 0;
    const sent = new Notifiers([webhook(), webhook()], noSns).send(NOTIFICATION);
    await expect(sent).rejects.toThrow(/^the webhook at 127\.0\.0\.1:\d+ answered 503$/);
    expect(bodies).toHaveLength(2);
  });

  it('do not follow a webhook that sends them elsewhere', async () => {
    bodies.length = 0;
    const elsewhere = createServer((_request, response) => response.writeHead(200).end());
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const asked = jest.fn();
    elsewhere.on('request', asked);
    const { port } = elsewhere.address() as AddressInfo;
    answer = 307;
    location = `http://127.0.0.1:${port}/inside`;
    const sent = new Notifiers([webhook()], noSns).send(NOTIFICATION);
    await expect(sent).rejects.toThrow(/answered 307; redirects are not followed/);
    expect(bodies).toHaveLength(1);
    expect(asked).not.toHaveBeenCalled();
    answer = 200;
    location = undefined;
    elsewhere.close();
  });

  it('go to SNS topics, in the region of the topic', async () => {
    const { credentials } = await anAccount(shared('awsEndpoint'));
    const options = { endpoint: shared('awsEndpoint'), credentials };
    const sns = new SNSClient({ ...options, region: 'eu-west-1' });
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'alarms' }));
    const regions: string[] = [];
    const client = (region: string) => {
      regions.push(region);
      return new SNSClient({ ...options, region });
    };
    await new Notifiers([TopicArn], client).send(NOTIFICATION);
    expect(regions).toEqual(['eu-west-1']);
  });

  it('beats of backups are metrics of CloudWatch, and none says that all is well when something failed', async () => {
    const { credentials, accountId } = await anAccount(shared('awsEndpoint'));
    const client = new CloudWatchClient({
      region: HOME_REGION,
      endpoint: shared('awsEndpoint'),
      credentials,
    });
    const sink = cloudWatchHeartbeats(client, 'Holdfast');
    const target = { accountId, region: HOME_REGION };
    const beat = { policyName: 'critical', target, at: Date.now() };
    await sink.beat({ ...beat, protected: 3, failed: 0 });
    await sink.beat({ ...beat, protected: 2, failed: 1 });
    const samples = async (MetricName: string) => {
      const { Datapoints } = await client.send(
        new GetMetricStatisticsCommand({
          Namespace: 'Holdfast',
          MetricName,
          Dimensions: [
            { Name: 'Policy', Value: 'critical' },
            { Name: 'Account', Value: accountId },
            { Name: 'Region', Value: HOME_REGION },
          ],
          StartTime: new Date(Date.now() - 3_600_000),
          EndTime: new Date(Date.now() + 3_600_000),
          Period: 7200,
          Statistics: ['SampleCount'],
        }),
      );
      return (Datapoints ?? []).reduce((sum, { SampleCount = 0 }) => sum + SampleCount, 0);
    };
    expect(await samples('BackupHeartbeat')).toBe(1);
    expect(await samples('ResourcesFailed')).toBe(2);
  });
});
