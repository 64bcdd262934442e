import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { AwsServer } from '../../../support/awsServer';
import { MigrationWorld } from '../../../support/migration';

const MACHINES = 4;
/** AWS seconds a second; waits are as much shorter. */
const SPEED = 20;

/** A machine and its two volumes; what else of a fleet is asked about at the same moment is in the same call. */
describe('machines of one campaign', () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    migrations = await MigrationWorld.open({
      aws: aws.endpoint,
      settings: { pollMs: 5_000 / SPEED, readLagMs: 15_000 / SPEED },
    });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });

  it('look together while they wait, and at no more than they wait for', async () => {
    const instanceIds = await migrations.machines(MACHINES);
    migrations.world.proxy.forget(migrations.account.accountId);
    await aws.control.post('clock', { speed: SPEED });
    const { encrypted } = await migrations.world.run<EncryptVolumesResult>('encryptVolumes', {
      target: migrations.target,
      instanceIds,
      kmsKeyId: migrations.key,
      strategy: 'direct',
      concurrency: MACHINES,
    });
    expect(encrypted.total).toBe(MACHINES);
    for (const [action, kind] of [
      ['DescribeInstanceStatus', /^InstanceId\./],
      ['DescribeVolumes', /^Filter\.1\.Value\./],
      ['DescribeSnapshots', /^Filter\.1\.Value\./],
    ] as const) {
      const asked = migrations.world.proxy
        .callsOf(action)
        .map(({ params }) => Object.keys(params).filter((name) => kind.test(name)).length);
      // Alone, a call would be about one machine, or its two volumes. How many meet is a matter of the machine's load.
      const alone = action === 'DescribeInstanceStatus' ? 1 : 2;
      expect(Math.max(...asked)).toBeGreaterThan(alone);
      expect(Math.max(...asked)).toBeLessThanOrEqual(MACHINES * alone);
    }
  });
});
