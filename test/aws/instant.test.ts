import {
  CopyImageCommand,
  CreateSnapshotsCommand,
  DescribeImagesCommand,
  DescribeVolumesModificationsCommand,
  ModifyVolumeCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';
import { anImage, anInstance, aVolume } from '../support/seed';

/** A second of ours is eleven days of AWS: what asks the clock twice in one answer gets two times that are seconds apart. */
const FAST = 1_000_000;
/** So slow that what is made stays under way, and so fast that it ends in the middle of one of many answers. */
const HUNDREDS = 300;
const MANY = 30;

describe('what one answer tells is of one instant', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    account = await aws.account();
  });
  afterAll(() => aws.stop());
  afterEach(() => aws.control.post('clock', { speed: 'instant' }));

  const ec2 = () => account.ec2();
  const speed = (value: number) => aws.control.post('clock', { speed: value });

  it('the snapshots of a set begin together', async () => {
    const data = ['f', 'g', 'h', 'i'].map((letter) => ({ device: `/dev/sd${letter}`, size: 1 }));
    const { instanceId } = await anInstance(account, { root: { size: 1 }, data });
    await speed(FAST);
    const { Snapshots = [] } = await ec2().send(
      new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instanceId } }),
    );
    expect(Snapshots).toHaveLength(5);
    expect(new Set(Snapshots.map(({ StartTime }) => StartTime?.toISOString())).size).toBe(1);
  });

  it('images that fail say why as soon as they are seen failed', async () => {
    const kms = account.kms();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    const SourceImageId = await anImage(account);
    await speed(HUNDREDS);
    for (let i = 0; i < MANY; i++)
      await ec2().send(
        new CopyImageCommand({
          Name: `copy-${i}`,
          SourceImageId,
          SourceRegion: 'us-east-1',
          Encrypted: true,
          KmsKeyId: KeyMetadata?.Arn,
        }),
      );
    let images: Image[] = [];
    do {
      ({ Images: images = [] } = await ec2().send(
        new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'name', Values: ['copy-*'] }] }),
      ));
      for (const { State, StateReason } of images) expect(StateReason !== undefined).toBe(State === 'failed');
    } while (images.some(({ State }) => State === 'pending'));
    expect(images).toHaveLength(MANY);
  });

  it('progress is complete with what it is the progress of', async () => {
    const volumes: string[] = [];
    for (let i = 0; i < MANY; i++) volumes.push(await aVolume(account, { size: 4 }));
    await speed(HUNDREDS);
    for (const VolumeId of volumes) await ec2().send(new ModifyVolumeCommand({ VolumeId, Size: 5 }));
    let open = true;
    while (open) {
      const { VolumesModifications: told = [] } = await ec2().send(
        new DescribeVolumesModificationsCommand({ VolumeIds: volumes }),
      );
      for (const { ModificationState, Progress, EndTime } of told) {
        expect(Progress === 100).toBe(ModificationState === 'completed');
        expect(EndTime !== undefined).toBe(ModificationState === 'completed');
      }
      open = told.some(({ ModificationState }) => ModificationState !== 'completed');
    }
  });
});
