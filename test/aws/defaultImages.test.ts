import {
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EnableEbsEncryptionByDefaultCommand,
} from '@aws-sdk/client-ec2';
import type { TestAccount } from '../support/accounts';
import { AwsServer } from '../support/awsServer';

describe('the public images that moto knows', () => {
  let aws: AwsServer;
  let account: TestAccount;

  beforeAll(async () => {
    aws = await AwsServer.start('--default-images');
    account = await aws.account();
  });
  afterAll(() => aws.stop());

  it.each(['us-east-1', 'eu-west-1'])(
    'are there in %s, each with a snapshot, under any setting',
    async (region) => {
      const ec2 = account.ec2(region);
      await ec2.send(new EnableEbsEncryptionByDefaultCommand({}));
      const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['amazon'] }));
      expect(Images.length).toBeGreaterThan(100);
      expect(Images.every(({ State }) => State === 'available')).toBe(true);
      const root = Images[0]?.BlockDeviceMappings?.[0];
      expect(root?.Ebs?.DeleteOnTermination).toBe(true);
      const SnapshotIds = [root?.Ebs?.SnapshotId ?? ''];
      const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds }));
      expect(Snapshots).toMatchObject([{ State: 'completed', Encrypted: false, VolumeSize: 15 }]);
      const { Encrypted } = await ec2.send(
        new CreateVolumeCommand({ AvailabilityZone: `${region}a`, Size: 1 }),
      );
      expect(Encrypted).toBe(true);
    },
  );
});
