import type { RunBackupResult } from '../../../src/model/backup/run';
import { AwsServer } from '../../support/awsServer';
import type { Strategy } from '../../../src/model/moves/strategy';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { MigrationWorld, SNAPSHOTS } from '../../support/migration';
import { anInstance } from '../../support/seed';

/** Shorter than the worlds' own `readLagMs`: what is looked for after that must show. */
const LAG_SECONDS = 0.04;

describe('with reads that lag behind writes', () => {
  let aws: AwsServer;
  let migrations: MigrationWorld;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', 'instant');
    migrations = await MigrationWorld.open({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await migrations.close();
    aws.stop();
  });
  beforeEach(async () => {
    migrations.world.proxy.reset();
    await aws.control.post('lag', { seconds: 0 });
  });

  it.each<[Strategy, string]>([
    ['copy', 'nothing'],
    ['copy', 'CreateSnapshots'],
    ['copy', 'CopySnapshot'],
    ['copy', 'CreateVolume'],
    ['direct', 'CreateVolume'],
    ['clone', 'CopyVolumes'],
  ])('a migration by %s that loses the answer to %s makes nothing twice', async (strategy, action) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    await aws.control.post('lag', { seconds: LAG_SECONDS });
    migrations.world.proxy.fault(action, { after: 'lose the response' }, [1, 3]);
    await migrations.encrypt({ instanceIds: [instanceId], strategy });
    await aws.control.post('lag', { seconds: 0 });
    const after = await migrations.stateOf(instanceId);
    expectOnlyEncryptionChanged(before, after);
    expect(await migrations.leftovers(instanceId, before)).toEqual({
      made: 2,
      marked: 2,
      snapshots: SNAPSHOTS[strategy],
    });
  });

  it('a backup that loses an answer takes one set', async () => {
    const policyName = 'late';
    const tags = { policy: policyName };
    await anInstance(migrations.world.home, { tags });
    const policy = { policyName, frequency: '4h', retention: '30d', selector: { tags: { all: tags } } };
    await migrations.world.run('createBackupPolicy', policy);
    await aws.control.post('lag', { seconds: LAG_SECONDS });
    migrations.world.proxy.fault('CreateSnapshots', { after: 'lose the response' }, 1);
    const result = await migrations.world.run<RunBackupResult>('runBackup', { policyName });
    expect(result).toMatchObject({ status: 'COMPLETED', protected: 1, volumes: 2 });
    expect(migrations.world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  });
});
