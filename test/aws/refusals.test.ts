import {
  CopyImageCommand,
  CopySnapshotCommand,
  CopyVolumesCommand,
  CreateImageCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeSnapshotTierStatusCommand,
  DescribeVolumesCommand,
  ModifySnapshotTierCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, PutKeyPolicyCommand, RotateKeyOnDemandCommand } from '@aws-sdk/client-kms';
import { anAccount, HOME_REGION, type TestAccount } from '../support/accounts';
import { aKey, anImage, anInstance, aVolume, completed } from '../support/seed';
import { shared } from '../support/shared';

describe('what AWS refuses, the local AWS refuses in the same words', () => {
  let account: TestAccount;

  beforeAll(async () => {
    account = await anAccount(shared('awsEndpoint'));
  });
  afterAll(() => account.destroy());

  /** https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html */
  it.each(['no JSON', '[]', '{}', '"text"', '{"Statement":[{"Effect":"Maybe"}]}'])(
    'the key policy %s',
    async (Policy) => {
      const error = { name: 'MalformedPolicyDocumentException' };
      const KeyId = await aKey(account);
      await expect(account.kms().send(new PutKeyPolicyCommand({ KeyId, Policy }))).rejects.toMatchObject(
        error,
      );
      const unchecked = new CreateKeyCommand({ Policy, BypassPolicyLockoutSafetyCheck: true });
      await expect(account.kms().send(unchecked)).rejects.toMatchObject(error);
    },
  );

  /** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
  it('the twenty-sixth rotation on demand', async () => {
    const KeyId = await aKey(account);
    for (let i = 0; i < 25; i++) await account.kms().send(new RotateKeyOnDemandCommand({ KeyId }));
    await expect(account.kms().send(new RotateKeyOnDemandCommand({ KeyId }))).rejects.toMatchObject({
      name: 'LimitExceededException',
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
  it('an image id that is none, a device without a volume, and a zone of another region', async () => {
    const launch = {
      ImageId: await anImage(account),
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
    } as const;
    const run = (more: object) => account.ec2().send(new RunInstancesCommand({ ...launch, ...more }));
    const malformed = { name: 'InvalidAMIID.Malformed' };
    await expect(run({ ImageId: 'image-1' })).rejects.toMatchObject(malformed);
    await expect(
      account.ec2().send(new DescribeImagesCommand({ ImageIds: ['image-1'] })),
    ).rejects.toMatchObject(malformed);
    await expect(run({ BlockDeviceMappings: [{ DeviceName: '/dev/sdf' }] })).rejects.toMatchObject({
      name: 'MissingParameter',
    });
    await expect(run({ Placement: { AvailabilityZone: 'eu-west-1a' } })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html; the words: https://github.com/boto/boto3/issues/1806 */
  it('tags of what a call does not make, before it makes anything', async () => {
    const { instanceId, volumes } = await anInstance(account, { data: [] });
    const VolumeId = volumes['/dev/xvda'];
    const { SnapshotId } = await account.ec2().send(new CreateSnapshotCommand({ VolumeId }));
    await completed(account, SnapshotId);
    const SourceImageId = await anImage(account);
    const wrong = {
      TagSpecifications: [{ ResourceType: 'vpc' as const, Tags: [{ Key: 'a', Value: 'b' }] }],
    };
    const things = async () => {
      const [{ Images }, { Snapshots }, { Volumes }] = await Promise.all([
        account.ec2().send(new DescribeImagesCommand({ Owners: ['self'] })),
        account.ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] })),
        account.ec2().send(new DescribeVolumesCommand({})),
      ]);
      return [Images?.length, Snapshots?.length, Volumes?.length];
    };
    const before = await things();
    const [SourceRegion, AvailabilityZone] = [HOME_REGION, `${HOME_REGION}a`];
    const calls = [
      new CreateSnapshotCommand({ VolumeId, ...wrong }),
      new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId }, ...wrong }),
      new CopySnapshotCommand({ SourceSnapshotId: SnapshotId, SourceRegion, ...wrong }),
      new CreateVolumeCommand({ AvailabilityZone, Size: 1, ...wrong }),
      new CopyVolumesCommand({ SourceVolumeId: VolumeId, ...wrong }),
      new CreateImageCommand({ InstanceId: instanceId, Name: 'new', NoReboot: true, ...wrong }),
      new CopyImageCommand({ SourceImageId, SourceRegion, Name: 'new', ...wrong }),
      new RegisterImageCommand({ Name: 'new', ...wrong }),
      new CreateReplaceRootVolumeTaskCommand({ InstanceId: instanceId, ...wrong }),
    ];
    for (const call of calls) {
      await expect(account.ec2().send(call as CreateSnapshotCommand)).rejects.toMatchObject({
        name: 'InvalidParameterValue',
        message: "'vpc' is not a valid taggable resource type for this operation.",
      });
    }
    expect(await things()).toEqual(before);
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotTier.html */
  it('another tier than the archive; and tells the tier of what was never archived', async () => {
    const { SnapshotId } = await account
      .ec2()
      .send(new CreateSnapshotCommand({ VolumeId: await aVolume(account, { size: 1 }) }));
    await completed(account, SnapshotId);
    const tier = new ModifySnapshotTierCommand({ SnapshotId, StorageTier: 'standard' as 'archive' });
    await expect(account.ec2().send(tier)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const Filters = [{ Name: 'snapshot-id', Values: [SnapshotId ?? ''] }];
    const { SnapshotTierStatuses } = await account
      .ec2()
      .send(new DescribeSnapshotTierStatusCommand({ Filters }));
    expect(SnapshotTierStatuses).toMatchObject([{ SnapshotId, StorageTier: 'standard' }]);
    expect(SnapshotTierStatuses?.[0]?.LastTieringOperationStatus).toBeUndefined();
  });
});
