import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  GetEbsDefaultKmsKeyIdCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ResetEbsDefaultKmsKeyIdCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateGrantCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  ListGrantsCommand,
} from '@aws-sdk/client-kms';
import type { TestAccount } from '../../support/accounts';
import { aKey, anInstance, volume } from '../../support/seed';
import { accountsUnderTest } from '../../support/underTest';
import { until } from '../../support/until';

describe('encryption', () => {
  let account: TestAccount;

  beforeAll(async () => {
    [account] = (await accountsUnderTest()) as [TestAccount];
  });
  afterEach(() => account.ec2().send(new DisableEbsEncryptionByDefaultCommand({})));
  afterAll(() => account.destroy());

  const ec2 = () => account.ec2();
  const create = (more: object = {}) =>
    ec2().send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3', ...more }),
    );

  /** https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html */
  it('by default reaches new volumes and instances, under the default key of the region', async () => {
    const KmsKeyId = await aKey(account);
    expect((await create()).Encrypted).toBe(false);
    await ec2().send(new EnableEbsEncryptionByDefaultCommand({}));
    await ec2().send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId }));
    expect(await create()).toMatchObject({ Encrypted: true, KmsKeyId });
    const { volumes } = await anInstance(account, { data: [] });
    const root = await volume(account, volumes['/dev/xvda'] ?? '');
    expect(root).toMatchObject({ Encrypted: true, KmsKeyId });

    await ec2().send(new ResetEbsDefaultKmsKeyIdCommand({}));
    const { KmsKeyId: own } = await ec2().send(new GetEbsDefaultKmsKeyIdCommand({}));
    expect(own).not.toBe(KmsKeyId);
    expect(await create()).toMatchObject({ Encrypted: true, KmsKeyId: own });
  });

  /** https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html */
  it('is inherited: by the snapshot of a volume, and by a volume of the snapshot', async () => {
    const KmsKeyId = await aKey(account);
    const source = await create({ Encrypted: true, KmsKeyId });
    await until(async () => (await volume(account, source.VolumeId ?? '')).State === 'available');
    const { SnapshotId = '' } = await ec2().send(new CreateSnapshotCommand({ VolumeId: source.VolumeId }));
    const taken = async () =>
      (await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))).Snapshots?.[0];
    await until(async () => (await taken())?.State === 'completed');
    expect(await taken()).toMatchObject({ Encrypted: true, KmsKeyId });
    expect(await create({ SnapshotId })).toMatchObject({ Encrypted: true, KmsKeyId });
  });

  /** https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
  it('has keys that rotate in their period', async () => {
    const KeyId = await aKey(account);
    const status = () => account.kms().send(new GetKeyRotationStatusCommand({ KeyId }));
    expect((await status()).KeyRotationEnabled).toBe(false);
    await account.kms().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 180 }));
    expect(await status()).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 180 });
  });

  /** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html (Name) */
  it('grants once what is granted twice under one name', async () => {
    const KeyId = await aKey(account);
    const grant = (Name: string) =>
      account.kms().send(
        new CreateGrantCommand({
          KeyId,
          GranteePrincipal: account.roleArn,
          Operations: ['Decrypt', 'DescribeKey'],
          Name,
        }),
      );
    const [first, second, other] = [await grant('one'), await grant('one'), await grant('two')];
    expect(second.GrantId).toBe(first.GrantId);
    expect(other.GrantId).not.toBe(first.GrantId);
    const { Grants } = await account.kms().send(new ListGrantsCommand({ KeyId }));
    expect(Grants).toHaveLength(2);
  });
});
