import {
  CopyImageCommand,
  CreateImageCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageBlockPublicAccessCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { randomUUID } from 'node:crypto';
import type { TestAccount } from '../../support/accounts';
import { anInstance } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

describe('images', () => {
  let account: TestAccount;
  let partner: TestAccount;
  let instanceId = '';

  beforeAll(async () => {
    [account, partner] = (await accountsUnderTest(2)) as [TestAccount, TestAccount];
    ({ instanceId } = await anInstance(account, { root: { size: 1 }, data: [] }));
  });
  afterAll(() => {
    account.destroy();
    partner.destroy();
  });

  const ec2 = () => account.ec2();
  async function image(id: string, by = account): Promise<Image | undefined> {
    const { Images } = await by.ec2().send(new DescribeImagesCommand({ ImageIds: [id] }));
    return Images?.[0];
  }
  async function anImage(): Promise<string> {
    const { ImageId = '' } = await ec2().send(
      new CreateImageCommand({ InstanceId: instanceId, Name: randomUUID(), NoReboot: true }),
    );
    await until(async () => (await image(ImageId))?.State === 'available');
    return ImageId;
  }
  const share = (ImageId: string, permission: object, by = account) =>
    by.ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add: [permission] } }));

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html */
  it('have a name of their own, and tags on themselves and on their snapshots', async () => {
    const Name = randomUUID();
    const create = new CreateImageCommand({
      InstanceId: instanceId,
      Name,
      NoReboot: true,
      TagSpecifications: (['image', 'snapshot'] as const).map((ResourceType) => ({
        ResourceType,
        Tags: [{ Key: 'of', Value: ResourceType }],
      })),
    });
    const { ImageId = '' } = await ec2().send(create);
    await expect(ec2().send(create)).rejects.toMatchObject({ name: 'InvalidAMIName.Duplicate' });
    const made = await image(ImageId);
    expect(made?.Tags).toEqual([{ Key: 'of', Value: 'image' }]);
    const SnapshotIds = [made?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''];
    const snapshots = async () =>
      (await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds }))).Snapshots?.[0];
    expect((await snapshots())?.Tags).toEqual([{ Key: 'of', Value: 'snapshot' }]);
    await until(async () => (await image(ImageId))?.State === 'available');

    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html
    await expect(ec2().send(new DeleteSnapshotCommand({ SnapshotId: SnapshotIds[0] }))).rejects.toMatchObject(
      { name: 'InvalidSnapshot.InUse' },
    );
    await ec2().send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
    await expect(snapshots()).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html */
  it('are copied with their own tags or without them', async () => {
    const ImageId = await anImage();
    await ec2().send(new CreateTagsCommand({ Resources: [ImageId], Tags: [{ Key: 'a', Value: 'b' }] }));
    const copy = async (CopyImageTags: boolean) => {
      const { ImageId: copied = '' } = await ec2().send(
        new CopyImageCommand({
          SourceImageId: ImageId,
          SourceRegion: 'us-east-1',
          Name: randomUUID(),
          CopyImageTags,
        }),
      );
      await until(async () => (await image(copied))?.State === 'available');
      return (await image(copied))?.Tags ?? [];
    };
    expect([await copy(true), await copy(false)]).toEqual([[{ Key: 'a', Value: 'b' }], []]);

    // A name that is taken is refused before anything is made.
    const owned = new DescribeSnapshotsCommand({ OwnerIds: ['self'] });
    const before = (await ec2().send(owned)).Snapshots?.length;
    const Name = (await image(ImageId))?.Name;
    const again = new CopyImageCommand({ SourceImageId: ImageId, SourceRegion: 'us-east-1', Name });
    await expect(ec2().send(again)).rejects.toMatchObject({ name: 'InvalidAMIName.Duplicate' });
    expect((await ec2().send(owned)).Snapshots).toHaveLength(before ?? 0);
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html */
  it('tell what they were made of, whatever their tags say', async () => {
    const seen = async (id: string) => {
      const { SourceInstanceId, SourceImageId, SourceImageRegion } = (await image(id)) ?? {};
      return { SourceInstanceId, SourceImageId, SourceImageRegion };
    };
    const { Reservations } = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const launched = Reservations?.[0]?.Instances?.[0]?.ImageId;
    const created = await anImage();
    const { ImageId: copied = '' } = await ec2().send(
      new CopyImageCommand({ SourceImageId: created, SourceRegion: 'us-east-1', Name: randomUUID() }),
    );
    const { ImageId: registered = '' } = await ec2().send(
      new RegisterImageCommand({ Name: randomUUID(), RootDeviceName: '/dev/xvda' }),
    );
    await until(async () => (await image(copied))?.State === 'available');
    expect([await seen(created), await seen(copied), await seen(registered)]).toEqual([
      { SourceInstanceId: instanceId, SourceImageId: launched, SourceImageRegion: 'us-east-1' },
      { SourceInstanceId: undefined, SourceImageId: created, SourceImageRegion: 'us-east-1' },
      { SourceInstanceId: undefined, SourceImageId: undefined, SourceImageRegion: undefined },
    ]);
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html */
  it('tell when they are deprecated', async () => {
    const ImageId = await anImage();
    // Years: the local AWS's clock runs fast.
    const DeprecateAt = new Date(Date.now() + 5 * 365 * 86_400_000);
    await ec2().send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt }));
    expect((await image(ImageId))?.DeprecationTime?.slice(0, 10)).toBe(
      DeprecateAt.toISOString().slice(0, 10),
    );
    await expect(
      ec2().send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt: new Date(0) })),
    ).rejects.toThrow();
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deregistration-protection.html */
  it('are not deregistered while protected', async () => {
    const ImageId = await anImage();
    await ec2().send(new EnableImageDeregistrationProtectionCommand({ ImageId }));
    expect((await image(ImageId))?.DeregistrationProtection).toBe('enabled-without-cooldown');
    await expect(ec2().send(new DeregisterImageCommand({ ImageId }))).rejects.toThrow();
    await ec2().send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
    await ec2().send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html */
  it('are not made public where that is blocked', async () => {
    await ec2().send(
      new EnableImageBlockPublicAccessCommand({ ImageBlockPublicAccessState: 'block-new-sharing' }),
    );
    await expect(share(await anImage(), { Group: 'all' })).rejects.toMatchObject({
      name: 'OperationNotPermitted',
    });
  });

  it('are their owner’s to share', async () => {
    const ImageId = await anImage();
    await share(ImageId, { UserId: partner.accountId });
    await until(() =>
      image(ImageId, partner).then(
        (found) => found !== undefined,
        () => false,
      ),
    );
    await expect(share(ImageId, { UserId: account.accountId }, partner)).rejects.toThrow();
  });
});
