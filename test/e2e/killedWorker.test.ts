import { once } from 'node:events';
import { DescribeSnapshotsCommand, GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunBackupResult } from '../../src/model/backup';
import type { MigrateMachineResult } from '../../src/model/migration';
import { awaitResult } from '../support/awaitResult';
import type { Strategy } from '../../src/model/strategy';
import { Guests } from '../support/guests';
import { ANY_LOSS, butEncryption, MigrationWorld, SNAPSHOTS } from '../support/migration';
import { anInstance, aVolume } from '../support/seed';
import { WorkerProcesses } from '../support/workerProcess';

/** Activities of a killed worker are noticed after these, not after half a minute. */
const LIMITS = { heartbeat: 3_000, startToClose: 5_000 };

/** Reads do not lag here; test/e2e/killedBackup.test.ts waits for as long as production does. */
const SETTINGS = { pollMs: 500, readLagMs: 3_000 };

describe('a worker process that is killed', () => {
  let migrations: MigrationWorld;
  let workers: WorkerProcesses;

  beforeAll(async () => {
    migrations = await MigrationWorld.open({ worker: false });
    workers = await WorkerProcesses.prepare(migrations.world, SETTINGS);
  });
  afterAll(async () => {
    await workers.close();
    await migrations.close();
  });
  beforeEach(() => migrations.world.proxy.reset());
  afterEach(() => workers.killAll());

  const killedAt = (action: string, start: () => Promise<WorkflowHandle>, nth?: number) =>
    workers.killedAt(migrations.world.proxy, action, start, nth);
  /** Freezes guests; has no slot of its own. */
  const frozenPolicy = (policyName: string) => ({
    policyName,
    frequency: '4h',
    retention: '30d',
    selector: { tags: { all: { policy: policyName } } },
    hooks: { pre: { commands: ['fsfreeze -f /data'] }, post: { commands: ['fsfreeze -u /data'] } },
    paused: true,
  });
  // A claim of volume copies waits out the read lag: its time is hardly shortened, nor is that of anything beside it.
  const migrate = (instanceId: string, strategy: Strategy = 'copy') =>
    migrations.start(
      { instanceIds: [instanceId], strategy },
      { limits: strategy === 'clone' ? { heartbeat: 20_000 } : LIMITS },
    );

  it('loses nothing of a small run: the next one finishes it', async () => {
    const { home } = migrations.world;
    const input = { kmsKeyIds: { 'us-east-1': migrations.key } };
    const run = await killedAt('EnableEbsEncryptionByDefault', () =>
      migrations.world.start('enableEncryptionByDefault', input, { limits: LIMITS }),
    );
    await awaitResult(run);
    const set = await home.ec2().send(new GetEbsEncryptionByDefaultCommand({}));
    expect(set.EbsEncryptionByDefault).toBe(true);
    await migrations.encryptionByDefaultOff();
  });

  it('leaves exactly one snapshot set when it dies at CreateSnapshots', async () => {
    const { home } = migrations.world;
    const policyName = 'killed';
    const { volumes } = await anInstance(home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    const setUp = await workers.start();
    await migrations.world.run('createBackupPolicy', {
      policyName,
      frequency: '4h',
      retention: '30d',
      selector,
      // No slot of its own may come between.
      paused: true,
    });
    await workers.kill(setUp);
    // The next attempt first waits until reads must show what the lost one made: its time is hardly shortened.
    const run = await killedAt('CreateSnapshots', () =>
      migrations.world.start('runBackup', { policyName }, { limits: { heartbeat: 20_000 } }),
    );
    const result = await awaitResult<RunBackupResult>(run, 100_000);
    expect(result).toMatchObject({ status: 'COMPLETED', protected: 1, volumes: 2 });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots = [] } = await home.ec2().send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots.map(({ VolumeId }) => VolumeId).sort()).toEqual(Object.values(volumes).sort());
    expect(migrations.world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);
  }, 150_000);

  it.each([
    ['SendCommand', ['pre', 'post', 'pre', 'post']],
    ['CreateSnapshots', ['pre', 'post']],
  ])(
    'leaves no guest frozen, and one set, when it dies at %s',
    async (action, commands) => {
      const { home, proxy } = migrations.world;
      const policyName = `frozen-${action}`;
      const { instanceId } = await anInstance(home, { tags: { policy: policyName } });
      const setUp = await workers.start();
      await migrations.world.run('createBackupPolicy', frozenPolicy(policyName));
      await workers.kill(setUp);
      const run = await killedAt(action, () =>
        migrations.world.start('runBackup', { policyName }, { limits: { heartbeat: 20_000 } }),
      );
      const calls = proxy.calls.length;
      const { recoveryPoints } = await awaitResult<RunBackupResult>(run, 100_000);
      expect(recoveryPoints.items).toMatchObject([{ consistency: 'application' }]);
      const guest = await new Guests(proxy.upstream.origin, home).of(instanceId);
      expect(guest.frozen).toBe(false);
      expect(guest.snapshots.map(({ frozen }) => frozen)).toEqual([true, true]);
      const sent = proxy.callsOf('SendCommand').map(({ params }) => params.Comment?.split('/')[2]);
      expect(sent).toEqual(commands);
      // The thaw comes before the first look for a set.
      const later = proxy.calls.slice(calls).map((call) => call.action);
      expect(later.indexOf('SendCommand')).toBeGreaterThanOrEqual(0);
      expect(later.indexOf('SendCommand')).toBeLessThan(later.indexOf('DescribeSnapshots'));
    },
    150_000,
  );

  it('leaves no guest frozen when the run is cancelled before anybody has noticed that it died', async () => {
    const { home, proxy } = migrations.world;
    const { instanceId } = await anInstance(home, { tags: { policy: 'both' } });
    const guest = () => new Guests(proxy.upstream.origin, home).of(instanceId);
    const worker = await workers.start();
    await migrations.world.run('createBackupPolicy', frozenPolicy('both'));
    const gone = once(worker, 'exit');
    proxy.fault('CreateSnapshots', { held: () => workers.kill(worker) }, 1);
    const limits = { heartbeat: 10_000 };
    const run = await migrations.world.start('runBackup', { policyName: 'both' }, { limits });
    await gone;
    await run.cancel();
    expect(await guest()).toMatchObject({ frozen: true });
    await workers.start();
    await expect(awaitResult(run, 150_000)).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect(await guest()).toMatchObject({ frozen: false });
  }, 200_000);

  it('leaves exactly one copy when it dies at CopySnapshot', async () => {
    const { home } = migrations.world;
    const policyName = 'copied';
    await aVolume(home, { tags: { policy: policyName } });
    const selector = { tags: { all: { policy: policyName } } };
    const copies = [{ toRegion: 'eu-west-1' }];
    const setUp = await workers.start();
    const policy = { policyName, frequency: '4h', retention: '30d', selector, copies };
    await migrations.world.run('createBackupPolicy', policy);
    await workers.kill(setUp);
    const run = await killedAt('CopySnapshot', () =>
      migrations.world.start('runBackup', { policyName }, { limits: { heartbeat: 20_000 } }),
    );
    const { copies: started } = await awaitResult<RunBackupResult>(run);
    const copying = migrations.world.client.workflow.getHandle(started.items[0]?.workflowId ?? '');
    // The queue has no shortened limits: a lost heartbeat is noticed after half a minute.
    expect(await awaitResult(copying, 120_000)).toMatchObject({ copied: 1 });
    const Filters = [{ Name: 'tag:holdfast:policy', Values: [policyName] }];
    const { Snapshots } = await home.ec2('eu-west-1').send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots).toHaveLength(1);
    expect(migrations.world.proxy.callsOf('CopySnapshot')).toHaveLength(1);
  }, 150_000);

  // The first call of CopyVolumes is the dry run.
  it.each<[Strategy, string, number]>([
    ['copy', 'DetachVolume', 1],
    ['copy', 'AttachVolume', 1],
    ['copy', 'StartInstances', 1],
    ['direct', 'CreateVolume', 1],
    ['direct', 'AttachVolume', 1],
    ['clone', 'CopyVolumes', 2],
  ])(
    'by %s leaves a running machine on its encrypted volumes when it dies at %s',
    async (strategy, action, nth) => {
      const { instanceId } = await anInstance(migrations.world.home);
      await migrations.writeTo(instanceId);
      const [before, content] = [
        await migrations.stateOf(instanceId),
        await migrations.contentOf(instanceId),
      ];
      await awaitResult(await killedAt(action, () => migrate(instanceId, strategy), nth), 100_000);
      const after = await migrations.stateOf(instanceId);
      expect(after.state).toBe('running');
      expect(await migrations.contentOf(instanceId)).toEqual(content);
      expect(butEncryption(after)).toEqual(butEncryption(before));
      expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
      const snapshots = SNAPSHOTS[strategy];
      expect(await migrations.leftovers(instanceId, before)).toEqual({ made: 2, marked: 2, snapshots });
    },
    150_000,
  );

  it('finishes a machine although its campaign was terminated in mid-swap as well; rolls back, and migrates again', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    const campaign = await killedAt('DetachVolume', () => migrate(instanceId));
    await campaign.terminate('test');
    const machine = migrations.machine(instanceId);
    await migrations.phase(machine, 'Soaking');
    expect((await migrations.stateOf(instanceId)).disks.every(({ encrypted }) => encrypted)).toBe(true);

    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    const back = await awaitResult<MigrateMachineResult>(machine);
    expect(back.outcome).toBe('rolledBack');
    expect(await migrations.stateOf(instanceId)).toEqual(before);

    await awaitResult(await migrate(instanceId));
    const again = await migrations.stateOf(instanceId);
    expect(butEncryption(again)).toEqual(butEncryption(before));
    expect(again.disks.every(({ encrypted }) => encrypted)).toBe(true);
  }, 200_000);
});
