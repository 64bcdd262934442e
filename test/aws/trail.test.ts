import {
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  waitUntilInstanceStopped,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  CloudTrailClient,
  LookupEventsCommand,
  type LookupEventsCommandInput,
} from '@aws-sdk/client-cloudtrail';
import { anAccount, HOME_REGION, type TestAccount } from '../support/accounts';
import { aKey, anInstance } from '../support/seed';
import { shared } from '../support/shared';
import { until } from '../support/until';

/** https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html */
describe('the event history of CloudTrail', () => {
  let account: TestAccount;
  let trail: CloudTrailClient;
  let instanceId: string;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
    const { credentials } = account;
    trail = new CloudTrailClient({ region: HOME_REGION, endpoint: shared('awsEndpoint'), credentials });
    ({ instanceId } = await anInstance(account));
    const InstanceIds = [instanceId];
    for (let round = 0; round < 2; round++) {
      await account.ec2().send(new StopInstancesCommand({ InstanceIds }));
      await waitUntilInstanceStopped(
        { client: account.ec2(), maxWaitTime: 60, minDelay: 1 },
        { InstanceIds },
      );
      await account.ec2().send(new StartInstancesCommand({ InstanceIds }));
    }
  });
  afterAll(() => {
    trail.destroy();
    account.destroy();
  });

  const lookUp = (input: Partial<LookupEventsCommandInput> = {}) =>
    trail.send(
      new LookupEventsCommand({
        LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: 'StartInstances' }],
        ...input,
      }),
    );

  it('tells who started what, some time later', async () => {
    await until(async () => (await lookUp()).Events?.length === 2);
    const { Events = [] } = await lookUp();
    expect(Events[0]).toMatchObject({
      EventName: 'StartInstances',
      EventSource: 'ec2.amazonaws.com',
      ReadOnly: 'false',
      Resources: [{ ResourceType: 'AWS::EC2::Instance', ResourceName: instanceId }],
    });
    expect(JSON.parse(Events[0]?.CloudTrailEvent ?? '')).toMatchObject({
      userIdentity: { type: 'AssumedRole', sessionContext: { sessionIssuer: { arn: account.roleArn } } },
      requestParameters: { instancesSet: { items: [{ instanceId }] } },
    });
    expect((Events[0]?.EventTime?.getTime() ?? 0) >= (Events[1]?.EventTime?.getTime() ?? 0)).toBe(true);
  });

  it('tells of every change in EC2, EBS and KMS, by what it is about', async () => {
    const ec2 = account.ec2();
    const { VolumeId = '' } = await ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: `${HOME_REGION}a`, Size: 1 }),
    );
    const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
    await ec2.send(new CreateTagsCommand({ Resources: [SnapshotId], Tags: [{ Key: 'a', Value: 'b' }] }));
    await ec2.send(new DeleteSnapshotCommand({ SnapshotId }));
    const kmsKeyId = await aKey(account, HOME_REGION);
    const KeyId = kmsKeyId.split('/').at(-1) ?? '';
    await account.kms().send(new DisableKeyCommand({ KeyId }));
    const of = async (ResourceName: string) => {
      const { Events = [] } = await lookUp({
        LookupAttributes: [{ AttributeKey: 'ResourceName', AttributeValue: ResourceName }],
      });
      return Events.map(({ EventName, EventSource }) => `${EventSource} ${EventName}`).sort();
    };
    await until(async () => (await of(KeyId)).length > 0);
    expect(await of(VolumeId)).toEqual(['ec2.amazonaws.com CreateSnapshot']);
    expect(await of(SnapshotId)).toEqual([
      'ec2.amazonaws.com CreateTags',
      'ec2.amazonaws.com DeleteSnapshot',
    ]);
    expect(await of(KeyId)).toContain('kms.amazonaws.com DisableKey');
  });

  it('comes in pages, by one attribute and within a time', async () => {
    const first = await lookUp({ MaxResults: 1 });
    expect(first.Events).toHaveLength(1);
    const second = await lookUp({ MaxResults: 1, NextToken: first.NextToken });
    expect(second.Events?.[0]?.EventId).not.toBe(first.Events?.[0]?.EventId);
    expect(second.NextToken).toBeUndefined();
    const of = (AttributeKey: 'ResourceName' | 'EventName', AttributeValue: string) => ({
      AttributeKey,
      AttributeValue,
    });
    const byName = await lookUp({ LookupAttributes: [of('ResourceName', instanceId)] });
    const startsAndStops = byName.Events?.map(({ EventName = '' }) => EventName).filter((name) =>
      /^(Start|Stop)/.test(name),
    );
    expect(startsAndStops?.sort()).toEqual(
      ['StartInstances', 'StartInstances', 'StopInstances', 'StopInstances'].sort(),
    );
    const before = new Date(Date.now() - 3_600_000);
    expect((await lookUp({ EndTime: before })).Events).toEqual([]);
    const two = [of('ResourceName', instanceId), of('EventName', 'StartInstances')];
    await expect(lookUp({ LookupAttributes: two })).rejects.toMatchObject({
      name: 'InvalidLookupAttributesException',
    });
    await expect(lookUp({ MaxResults: 51 })).rejects.toMatchObject({ name: 'InvalidMaxResultsException' });
  });
});
