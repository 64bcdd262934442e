import {
  CreateSnapshotsCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Filter,
} from '@aws-sdk/client-ec2';
import type { TestAccount } from '../../support/accounts';
import { anInstance, aVolume, tagsOf, volume } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';

describe('how much one call takes', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterAll(() => account.destroy());

  const names = (count: number, prefix: string) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const tags = (count: number, prefix = 'key') => names(count, prefix).map((Key) => ({ Key, Value: 'x' }));

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html: 50 filters, 200 values, over the whole call */
  describe('of filters', () => {
    const filters = (count: number, values: number): Filter[] =>
      names(count, 'tag:k').map((Name) => ({ Name, Values: names(values, 'v') }));
    const CALLS: [string, (Filters: Filter[]) => Promise<unknown>][] = [
      ['DescribeInstances', (Filters) => account.ec2().send(new DescribeInstancesCommand({ Filters }))],
      ['DescribeVolumes', (Filters) => account.ec2().send(new DescribeVolumesCommand({ Filters }))],
      [
        'DescribeSnapshots',
        (Filters) => account.ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters })),
      ],
    ];

    it.each(CALLS)('%s takes 200 values, and no more', async (_, call) => {
      await call(filters(4, 50));
      const error = { name: 'FilterLimitExceeded' };
      await expect(call(filters(5, 50))).rejects.toMatchObject(error);
      await expect(
        call([...filters(4, 50), { Name: 'tag-key', Values: ['one more'] }]),
      ).rejects.toMatchObject(error);
    });

    it.each(CALLS)('%s takes 50 filters, and no more', async (_, call) => {
      await call(filters(50, 1));
      await expect(call(filters(51, 1))).rejects.toMatchObject({ name: 'FilterLimitExceeded' });
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html */
  it('40 data volumes that a set leaves out, and no more', async () => {
    const { instanceId } = await anInstance(account, { data: [] });
    const leavingOut = (count: number) =>
      account.ec2().send(
        new CreateSnapshotsCommand({
          InstanceSpecification: {
            InstanceId: instanceId,
            ExcludeDataVolumeIds: Array.from(
              { length: count },
              (_, n) => `vol-${n.toString(16).padStart(17, '0')}`,
            ),
          },
        }),
      );
    await expect(leavingOut(41)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
  describe('of tags', () => {
    const limit = { name: 'TagLimitExceeded' };
    const tag = (id: string, Tags: { Key: string; Value: string }[]) =>
      account.ec2().send(new CreateTagsCommand({ Resources: [id], Tags }));

    it('50 a resource: a call that would go beyond changes nothing', async () => {
      const [full, other] = [await aVolume(account, { size: 1 }), await aVolume(account, { size: 1 })];
      await tag(full, tags(50));
      const both = new CreateTagsCommand({ Resources: [other, full], Tags: tags(1, 'more') });
      await expect(account.ec2().send(both)).rejects.toMatchObject(limit);
      await tag(full, [{ Key: 'key0', Value: 'changed' }]);
      expect(tagsOf(await volume(account, other))).toEqual({});
    });

    it('what would be made with more is not made', async () => {
      const made = async () => (await account.ec2().send(new DescribeVolumesCommand({}))).Volumes?.length;
      const before = await made();
      const create = new CreateVolumeCommand({
        AvailabilityZone: 'us-east-1a',
        Size: 1,
        TagSpecifications: [{ ResourceType: 'volume', Tags: tags(51) }],
      });
      await expect(account.ec2().send(create)).rejects.toMatchObject(limit);
      expect(await made()).toBe(before);
    });

    it('keys that begin with aws: are AWS’s own', async () => {
      const VolumeId = await aVolume(account, { size: 1 });
      await expect(tag(VolumeId, [{ Key: 'aws:mine', Value: 'x' }])).rejects.toMatchObject({
        name: 'InvalidParameterValue',
      });
    });
  });
});
