import { DescribeSnapshotsCommand, type Snapshot } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunBackupResult } from '../../src/model/backup/run';
import type { EnforceExpiryResult } from '../../src/model/retention/expiry';
import { awaitResult } from '../support/awaitResult';
import { anInstance, aVolume } from '../support/seed';
import { WorkerProcesses } from '../support/workerProcess';
import { aWorld, type World } from '../support/world';

/** The next attempt first waits until reads must show what the lost one made: a lost heartbeat is noticed after longer. */
const LIMITS = { heartbeat: 20_000 };

const DAY = 86_400_000;
const byAge = (a: Snapshot, b: Snapshot) => Number(a.StartTime) - Number(b.StartTime);

describe('a worker process that is killed in a backup', () => {
  let world: World;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    world = await aWorld({ worker: false });
    workers = await WorkerProcesses.prepare(world);
  });
  afterAll(async () => {
    await workers.close();
    await world.close();
  });
  beforeEach(() => world.proxy.reset());
  afterEach(() => workers.killAll());

  const killedAt = (action: string, begin: () => Promise<WorkflowHandle>) =>
    workers.killedAt(world.proxy, action, begin);
  /** By a worker in this process, whose clock is the test's. */
  async function setUp(type: string, input: object): Promise<void> {
    await world.startWorker();
    await world.run(type, input);
    await world.stopWorker();
    world.proxy.reset();
  }
  const aPolicy = (policyName: string, more: object = {}) => {
    const selector = { tags: { all: { policy: policyName } } };
    const terms = { frequency: '4h', retention: '30d', paused: true, selector, ...more };
    return setUp('createBackupPolicy', { policyName, ...terms });
  };
  const start = (type: string, input: object) => () => world.start(type, input, { limits: LIMITS });
  async function snapshots(policyName: string): Promise<Snapshot[]> {
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const command = new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters });
    return (await world.home.ec2().send(command)).Snapshots ?? [];
  }

  it.each(['DescribeSnapshots', 'LockSnapshot'])(
    'at %s leaves one locked set',
    async (action) => {
      const policyName = `killed-${action}`;
      const { volumes } = await anInstance(world.home, { tags: { policy: policyName } });
      // The local AWS's clock runs ahead, by weeks when many tests came before.
      await aPolicy(policyName, { retention: '20y', lock: { mode: 'governance', for: '15y' } });
      const run = await killedAt(action, start('runBackup', { policyName }));
      const result = await awaitResult<RunBackupResult>(run);
      expect(result).toMatchObject({ status: 'COMPLETED', protected: 1, failed: { total: 0 } });
      const found = await snapshots(policyName);
      expect(found.map(({ VolumeId }) => VolumeId).sort()).toEqual(Object.values(volumes).sort());
      expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
      const locked = new Set(world.proxy.callsOf('LockSnapshot').map(({ params }) => params.SnapshotId));
      expect(locked).toEqual(new Set(found.map(({ SnapshotId }) => SnapshotId)));
    },
    150_000,
  );

  it('at DeleteSnapshot, in expiry, deletes what is due and nothing else', async () => {
    const policyName = 'expiring';
    await aVolume(world.home, { tags: { policy: policyName } });
    await aPolicy(policyName, { minKeep: 1 });
    for (const daysAgo of [50, 40, 35, 0]) {
      world.clock.offset = -daysAgo * DAY;
      await setUp('runBackup', { policyName });
    }
    const newest = (await snapshots(policyName)).sort(byAge).at(-1);
    await setUp('deleteBackupPolicy', { policyName });
    const expiry = await killedAt('DeleteSnapshot', start('enforceExpiry', {}));
    expect(await awaitResult<EnforceExpiryResult>(expiry)).toMatchObject({ failed: { total: 0 } });
    expect((await snapshots(policyName)).map(({ SnapshotId }) => SnapshotId)).toEqual([newest?.SnapshotId]);
  }, 150_000);
});
