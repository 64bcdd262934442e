import { StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import type { RunBackupResult } from '../../../src/model/backup/run';
import { FAILURE } from '../../../src/model/failures';
import { AwsServer } from '../../support/awsServer';
import { failedResult } from '../../support/failure';
import { anInstance, instance, stopped } from '../../support/seed';
import { until } from '../../support/until';
import { aWorld, type World } from '../../support/world';

/** A stop takes about two seconds at this speed of the local AWS. */
const SPEED = '20';

describe('a machine that is neither running nor stopped at its slot', () => {
  let aws: AwsServer;
  let world: World;

  beforeAll(async () => {
    aws = await AwsServer.start('--speed', SPEED);
    world = await aWorld({ aws: aws.endpoint });
  });
  afterAll(async () => {
    await world.close();
    aws.stop();
  });
  beforeEach(() => world.proxy.reset());

  async function policy(policyName: string, more: object = {}): Promise<string> {
    await world.run('createBackupPolicy', {
      ...{ policyName, frequency: '4h', retention: '30d', paused: true },
      selector: { tags: { all: { policy: policyName } } },
      ...more,
    });
    const { instanceId } = await anInstance(world.home, { tags: { policy: policyName }, data: [] });
    return instanceId;
  }
  const ec2 = () => world.home.ec2();
  const stateOf = async (instanceId: string) => (await instance(world.home, instanceId)).State?.Name;
  const stop = async (instanceId: string) => {
    await ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    expect(await stateOf(instanceId)).toBe('stopping');
  };
  const backUp = (policyName: string) => world.run<RunBackupResult>('runBackup', { policyName });

  it('is protected as soon as it is stopped, and no call is made before', async () => {
    const instanceId = await policy('stopping');
    await stop(instanceId);
    expect(await backUp('stopping')).toMatchObject({ selected: 1, protected: 1, failed: { total: 0 } });
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  });

  it('is protected as soon as it runs', async () => {
    const instanceId = await policy('starting');
    await stopped(world.home, instanceId);
    await ec2().send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    expect(await stateOf(instanceId)).toBe('pending');
    expect(await backUp('starting')).toMatchObject({ selected: 1, protected: 1, failed: { total: 0 } });
  });

  it('is tried again where EC2 refuses what a look has shown as running', async () => {
    await policy('refused');
    world.proxy.fault('CreateSnapshots', { before: { code: 'IncorrectState', status: 400 } }, [1, 2]);
    expect(await backUp('refused')).toMatchObject({ protected: 1, failed: { total: 0 } });
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(3);
  });

  it('is given up where EC2 goes on refusing it', async () => {
    const instanceId = await policy('wrong');
    world.proxy.fault('CreateSnapshots', { before: { code: 'IncorrectState', status: 400 } });
    const { failed } = await failedResult<RunBackupResult>(backUp('wrong'), FAILURE.allFailed);
    expect(failed.items).toMatchObject([{ item: instanceId, type: FAILURE.conflict }]);
  });

  it('is given up at the RPO, by what it still is', async () => {
    const instanceId = await policy('stuck');
    await aws.control.post('clock', { speed: 0 });
    await stop(instanceId);
    const { action } = await world.client.schedule.getHandle('policy/stuck').describe();
    const [written] = (action.type === 'startWorkflow' ? (action.args ?? []) : []) as object[];
    const slotMs = Date.now();
    const asked = world.run('backupTarget', {
      // Two seconds are left.
      policy: { ...written, frequencyMs: 60_000, rpoMs: 62_000 },
      target: { accountId: world.home.accountId, region: 'us-east-1' },
      ...{ slotMs, begunMs: slotMs },
    });
    const { failed } = await failedResult<RunBackupResult>(asked, FAILURE.allFailed);
    await aws.control.post('clock', { speed: Number(SPEED) });
    expect(failed.items).toMatchObject([{ item: instanceId, type: FAILURE.conflict }]);
    expect(failed.items[0]?.message).toMatch(/is still stopping after .*only when it is running or stopped/);
    await until(async () => (await stateOf(instanceId)) === 'stopped');
  });

  it('keeps nobody waiting: the others of its page are protected first', async () => {
    const slow = await policy('page');
    await anInstance(world.home, { tags: { policy: 'page' }, data: [] });
    // On a slow machine too it still stops when the run looks for the first time.
    await aws.control.post('durations', { factor: 5 });
    await stop(slow);
    await aws.control.post('durations', { factor: 1 });
    const result = await backUp('page');
    expect(result).toMatchObject({ selected: 2, protected: 2, failed: { total: 0 } });
    const last = result.recoveryPoints.items.at(-1);
    expect(last?.resourceId).toBe(slow);
  });
});
