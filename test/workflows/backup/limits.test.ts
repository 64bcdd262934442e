import { DescribeSnapshotsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { AwsServer } from '../../support/awsServer';
import { awaitResult } from '../../support/awaitResult';
import { anImage } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

const INSTANCES = 27;
/** Sets of four that EBS takes at once. */
const AT_ONCE = 25;
const DEVICES = ['/dev/xvda', '/dev/sdf', '/dev/sdg', '/dev/sdh'];

/** https://docs.aws.amazon.com/general/latest/gr/ebs-service.html: 100 pending snapshots an account, not adjustable. */
describe('a backup of more volumes than may have a pending snapshot at once', () => {
  let aws: AwsServer;
  let world: World;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', '300');
    world = await aWorld({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });

  it('waits for room, fails nothing, and takes nothing twice', async () => {
    const policyName = 'many';
    const tags = [{ Key: 'policy', Value: policyName }];
    await world.home.ec2().send(
      new RunInstancesCommand({
        ImageId: await anImage(world.home),
        InstanceType: 't3.micro',
        MinCount: INSTANCES,
        MaxCount: INSTANCES,
        BlockDeviceMappings: DEVICES.map((DeviceName) => ({
          DeviceName,
          Ebs: { VolumeSize: 250, VolumeType: 'gp3' },
        })),
        TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
      }),
    );
    const selector = { tags: { all: { policy: policyName } } };
    await world.run('createBackupPolicy', { policyName, frequency: '4h', retention: '30d', selector });
    await aws.control.post('clock', { advance: 120 });
    await aws.control.post('limits', { on: true });
    // No snapshot completes, however slow this machine is, before the quota has been reached.
    await aws.control.post('clock', { speed: 1 });

    const run = await world.start('runBackup', { policyName });
    await until(() => world.proxy.callsOf('CreateSnapshots').length === AT_ONCE);
    await aws.control.post('clock', { speed: 300 });
    const result = await awaitResult<RunBackupResult>(run);
    expect(result).toMatchObject({
      status: 'COMPLETED',
      protected: INSTANCES,
      volumes: INSTANCES * DEVICES.length,
    });
    // What is known to be full is not asked in vain.
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(INSTANCES);
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    expect(new Set(Snapshots.map(({ VolumeId }) => VolumeId)).size).toBe(INSTANCES * DEVICES.length);
    expect(Snapshots).toHaveLength(INSTANCES * DEVICES.length);
  });
});
