import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { Client, Connection } from '@temporalio/client';
import type { RunBackupResult } from '../../src/model/backup/run';
import { TASK_QUEUE } from '../../src/model/names';
import { anInstance } from '../support/seed';
import { TemporalProcess } from '../support/temporalProcess';
import { WorkerProcesses } from '../support/workerProcess';
import { aWorld, type World } from '../support/world';

describe('a Temporal server that is killed and comes back', () => {
  let world: World;
  let temporal: TemporalProcess;
  let workers: WorkerProcesses;
  let connection: Connection;

  beforeAll(async () => {
    world = await aWorld({ worker: false });
    temporal = await TemporalProcess.start();
    workers = await WorkerProcesses.prepare(world);
    connection = await Connection.connect({ address: temporal.address });
  });
  afterAll(async () => {
    await connection.close();
    await workers.close();
    await temporal.close();
    await world.close();
  });

  it('costs a run nothing: its worker goes on, and each volume has one snapshot', async () => {
    const client = new Client({ connection });
    const policyName = 'restarted';
    const { volumes } = await anInstance(world.home, { tags: { policy: policyName } });
    await workers.start({ TEMPORAL_ADDRESS: temporal.address });
    const options = { taskQueue: TASK_QUEUE };
    const selector = { tags: { all: { policy: policyName } } };
    await client.workflow.execute('createBackupPolicy', {
      ...options,
      workflowId: 'create',
      args: [{ policyName, frequency: '4h', retention: '30d', selector, paused: true }],
    });
    const killed = new Promise<void>((resolve, reject) => {
      const held = () => temporal.kill().then(resolve, reject);
      world.proxy.fault('CreateSnapshots', { held }, 1);
    });
    await client.workflow.start('runBackup', { ...options, workflowId: 'run', args: [{ policyName }] });
    await killed;
    await temporal.startAgain();

    const result = (await client.workflow.getHandle('run').result()) as RunBackupResult;
    expect(result).toMatchObject({ status: 'COMPLETED', protected: 1, volumes: 2, failed: { total: 0 } });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await world.home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots.map(({ VolumeId }) => VolumeId).sort()).toEqual(Object.values(volumes).sort());
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  }, 120_000);
});
