import {
  CopyImageCommand,
  CopySnapshotCommand,
  CopyVolumesCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  type Image,
  type Instance,
  type Snapshot,
  type Volume,
} from '@aws-sdk/client-ec2';
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { aKey, anInstance, aVolume, instance, stopped, volume } from '../support/seed';
import { until } from '../support/until';

const ClientToken = 'the same';
const SOURCE = { SourceRegion: 'us-east-1' };
/** What EBS does with a key: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html */
const OPERATIONS = ['Decrypt', 'DescribeKey', 'CreateGrant', 'ReEncryptFrom', 'ReEncryptTo'] as const;

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html (KmsKeyId) */
describe('what is begun under a key', () => {
  let aws: AwsServer;
  let account: TestAccount;
  let partner: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '1000');
    [account, partner] = [await aws.account(), await aws.account()];
  });
  afterAll(() => aws.stop());

  const ec2 = () => account.ec2();
  async function ended(id: string): Promise<Snapshot> {
    let found: Snapshot = {};
    await until(async () => {
      const { Snapshots = [] } = await ec2().send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
      found = Snapshots[0] ?? {};
      return found.State !== 'pending';
    });
    return found;
  }
  const gone = async (id: string) =>
    until(() =>
      volume(account, id).then(
        ({ State }) => expect(State).toBe('creating') as unknown as boolean,
        (error: Error) => error.name === 'InvalidVolume.NotFound',
      ),
    );
  async function imageEnded(by: TestAccount, id: string): Promise<Image> {
    let found: Image = {};
    await until(async () => {
      const { Images = [] } = await by.ec2().send(new DescribeImagesCommand({ ImageIds: [id] }));
      found = Images[0] ?? {};
      return found.State !== 'pending';
    });
    return found;
  }
  async function settled(by: TestAccount, id: string): Promise<Instance> {
    await until(async () => (await instance(by, id)).State?.Name !== 'pending');
    return instance(by, id);
  }
  async function aSnapshot(): Promise<string> {
    const VolumeId = await aVolume(account, { size: 1 });
    const { SnapshotId = '' } = await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    await ended(SnapshotId);
    return SnapshotId;
  }

  const UNUSABLE: [string, () => Promise<string>][] = [
    ['does not exist', () => Promise.resolve('11111111-2222-3333-4444-555555555555')],
    ['is in another region', () => aKey(account, 'eu-west-1')],
    ['belongs to an account that allows nothing', () => aKey(partner)],
    [
      'is disabled',
      async () => {
        const KeyId = await aKey(account);
        await account.kms().send(new DisableKeyCommand({ KeyId }));
        return KeyId;
      },
    ],
    [
      'is pending deletion',
      async () => {
        const KeyId = await aKey(account);
        await account.kms().send(new ScheduleKeyDeletionCommand({ KeyId }));
        return KeyId;
      },
    ],
    [
      'is asymmetric',
      async () => {
        const { KeyMetadata } = await account
          .kms()
          .send(new CreateKeyCommand({ KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'RSA_2048' }));
        return KeyMetadata?.Arn ?? '';
      },
    ],
  ];

  it.each(UNUSABLE)('is accepted, and fails later, when the key %s', async (_, key) => {
    const KmsKeyId = await key();
    const { SnapshotId = '' } = await ec2().send(
      new CopySnapshotCommand({ ...SOURCE, SourceSnapshotId: await aSnapshot(), Encrypted: true, KmsKeyId }),
    );
    expect(await ended(SnapshotId)).toMatchObject({
      State: 'error',
      StateMessage: 'Given key ID is not accessible',
    });
    const { VolumeId = '' } = await ec2().send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true, KmsKeyId }),
    );
    await gone(VolumeId);
  });

  /**
   * A volume does not end in `error`: it is not there any more, and whoever repeats the call is told so.
   * https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html,
   * https://github.com/kubernetes-sigs/aws-ebs-csi-driver/issues/3010
   */
  it.each([
    [
      'CreateVolume',
      (KmsKeyId: string) =>
        Promise.resolve(
          new CreateVolumeCommand({
            AvailabilityZone: 'us-east-1a',
            Size: 1,
            Encrypted: true,
            KmsKeyId,
            ClientToken,
          }),
        ),
    ],
    [
      'CopyVolumes',
      async (KmsKeyId: string) =>
        new CopyVolumesCommand({
          SourceVolumeId: await aVolume(account),
          Encrypted: true,
          KmsKeyId,
          ClientToken,
        }),
    ],
  ])('is accepted by %s, is shown, and then is not there', async (_, command) => {
    const KmsKeyId = await aKey(account);
    await account.kms().send(new DisableKeyCommand({ KeyId: KmsKeyId }));
    const asked = await command(KmsKeyId);
    const answer = await ec2().send(asked as CreateVolumeCommand);
    const made = ('Volumes' in answer ? (answer.Volumes as Volume[])[0] : answer)!;
    expect(made).toMatchObject({ State: 'creating', KmsKeyId });
    await gone(made.VolumeId ?? '');
    const Filters = [{ Name: 'volume-id', Values: [made.VolumeId ?? ''] }];
    expect((await ec2().send(new DescribeVolumesCommand({ Filters }))).Volumes).toEqual([]);
    for (const act of [
      new DeleteVolumeCommand({ VolumeId: made.VolumeId }),
      new CreateSnapshotCommand({ VolumeId: made.VolumeId }),
    ] as DeleteVolumeCommand[])
      await expect(ec2().send(act)).rejects.toMatchObject({ name: 'InvalidVolume.NotFound' });
    const again = ec2().send(asked as CreateVolumeCommand);
    await expect(again).rejects.toMatchObject({ name: 'IdempotentParameterMismatch' });
  });

  it('fails when the key is disabled half-way', async () => {
    const KmsKeyId = await aKey(account);
    const { VolumeId } = { VolumeId: await aVolume(account, { size: 200 }) };
    const first = await ec2().send(new CreateSnapshotCommand({ VolumeId }));
    await ended(first.SnapshotId ?? '');
    const { SnapshotId = '' } = await ec2().send(
      new CopySnapshotCommand({ ...SOURCE, SourceSnapshotId: first.SnapshotId, Encrypted: true, KmsKeyId }),
    );
    await account.kms().send(new DisableKeyCommand({ KeyId: KmsKeyId }));
    expect((await ended(SnapshotId)).State).toBe('error');
  });

  it('makes an image fail with the snapshot that failed', async () => {
    const { instanceId } = await anInstance(account, { data: [] });
    const { ImageId = '' } = await ec2().send(
      new CreateImageCommand({ InstanceId: instanceId, Name: 'plain', NoReboot: true }),
    );
    await imageEnded(account, ImageId);
    const copy = await ec2().send(
      new CopyImageCommand({
        SourceRegion: 'us-east-1',
        SourceImageId: ImageId,
        Name: 'copy',
        Encrypted: true,
        KmsKeyId: await UNUSABLE[0]?.[1](),
      }),
    );
    const failed = await imageEnded(account, copy.ImageId ?? '');
    expect(failed.State).toBe('failed');
    expect(failed.StateReason?.Message).toContain('Given key ID is not accessible');
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html */
  it('does not start again, and falls back to stopped, once the key of its volumes is disabled', async () => {
    const KeyId = await aKey(account);
    const { ImageId = '' } = await encryptedImage(KeyId);
    const { Instances } = await ec2().send(
      new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    expect((await settled(account, id)).State?.Name).toBe('running');
    await stopped(account, id);
    await account.kms().send(new DisableKeyCommand({ KeyId }));
    await ec2().send(new StartInstancesCommand({ InstanceIds: [id] }));
    expect(await settled(account, id)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: { Code: 'Client.InternalError' },
    });
    await account.kms().send(new EnableKeyCommand({ KeyId }));
    await ec2().send(new StartInstancesCommand({ InstanceIds: [id] }));
    expect((await settled(account, id)).State?.Name).toBe('running');
  });

  /** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html */
  it('is launched by another account only with the key', async () => {
    const KeyId = await aKey(account);
    const { ImageId = '' } = await encryptedImage(KeyId);
    await ec2().send(
      new ModifyImageAttributeCommand({
        ImageId,
        LaunchPermission: { Add: [{ UserId: partner.accountId }] },
      }),
    );
    const launch = async () => {
      const { Instances } = await partner
        .ec2()
        .send(new RunInstancesCommand({ ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }));
      return settled(partner, Instances?.[0]?.InstanceId ?? '');
    };
    expect(await launch()).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Client.InternalError' },
    });
    await account
      .kms()
      .send(
        new CreateGrantCommand({ KeyId, GranteePrincipal: partner.accountId, Operations: [...OPERATIONS] }),
      );
    expect((await launch()).State?.Name).toBe('running');
  });

  let named = 0;
  async function encryptedImage(KmsKeyId: string): Promise<Image> {
    const { instanceId } = await anInstance(account, { data: [] });
    const plain = await ec2().send(
      new CreateImageCommand({ InstanceId: instanceId, Name: `plain-${++named}`, NoReboot: true }),
    );
    await imageEnded(account, plain.ImageId ?? '');
    const copy = await ec2().send(
      new CopyImageCommand({
        SourceRegion: 'us-east-1',
        SourceImageId: plain.ImageId,
        Name: `encrypted-${named}`,
        Encrypted: true,
        KmsKeyId,
      }),
    );
    return imageEnded(account, copy.ImageId ?? '');
  }
});
