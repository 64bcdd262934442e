import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { DescribeSnapshotsCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { CancelledFailure, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { workflowIds } from '../../../src/model/ids';
import type { ProgressPage } from '../../../src/model/progress';
import { awaitResult } from '../../support/awaitResult';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { phaseOf } from '../../support/phase';
import { aKey, anInstance, tagsOf } from '../../support/seed';
import { until } from '../../support/until';

const NO_CAPACITY = { before: { code: 'InsufficientInstanceCapacity', status: 500 } };

describe('a run that takes over what a terminated migration has left', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  /** The machine's run by itself, as a campaign starts it. */
  function start(instanceId: string, kmsKeyArn = migrations.key): Promise<WorkflowHandle> {
    const { target } = migrations;
    const workflowId = workflowIds.machine(target, instanceId);
    const input = { target, instanceId, kmsKeyArn, strategy: 'direct', maxDowntimeMs: 3_600_000 };
    return migrations.world.start('migrateMachine', input, { workflowId });
  }

  /** A machine whose first run was terminated when the call had taken effect. */
  async function interruptedAt(action: string, nth = 1) {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile(action, terminate, nth);
    await start(instanceId);
    await terminated;
    migrations.world.proxy.reset();
    return { instanceId, before };
  }

  async function isCancelled(run: WorkflowHandle): Promise<void> {
    const error: unknown = await awaitResult(run).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  }

  it.each(['DetachVolume', 'AttachVolume', 'DeleteVolume', 'StartInstances'])(
    'puts it back to the end when it is cancelled at %s, and ends cancelled then',
    async (action) => {
      const { instanceId, before } = await interruptedAt('AttachVolume', 2);
      const cancelled = migrations.meanwhile(action, () => migrations.machine(instanceId).cancel());
      const run = await start(instanceId);
      await cancelled;
      await isCancelled(run);
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      expect(await migrations.leftovers(instanceId, before)).toEqual({ made: 0, marked: 0, snapshots: 0 });
    },
  );

  it('finishes putting it back when it is cancelled while it waits for capacity', async () => {
    const { instanceId, before } = await interruptedAt('AttachVolume', 2);
    migrations.world.proxy.fault('StartInstances', NO_CAPACITY);
    const run = await start(instanceId);
    await until(() => Promise.resolve(migrations.world.proxy.callsOf('StartInstances').length > 1));
    await run.cancel();
    await until(async () => (await run.describe()).raw.pendingActivities?.length === 1);
    migrations.world.proxy.reset();
    await isCancelled(run);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });

  it('finishes a rollback that was terminated on its way, and begins anew', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    await migrations.writeTo(instanceId);
    const before = await migrations.stateOf(instanceId);
    const content = await migrations.contentOf(instanceId);
    await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
    const terminated = migrations.meanwhile('DetachVolume', () =>
      migrations.machine(instanceId).terminate('test'),
    );
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await terminated;
    migrations.world.proxy.reset();
    const run = await start(instanceId);
    await migrations.phase(run, 'Soaking');
    const kept = (await migrations.snapshots(instanceId)).filter(({ Description = '' }) =>
      Description.endsWith('-kept'),
    );
    expect(kept.map(({ State }) => State)).toEqual(['completed', 'completed']);
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    await awaitResult(run);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.contentOf(instanceId)).toEqual(content);
  });

  it.each(['DeleteVolume', 'DeleteTags', 'DeleteSnapshot'])(
    'finishes a commit that was terminated at %s',
    async (action) => {
      const { instanceId } = await anInstance(migrations.world.home);
      const before = await migrations.stateOf(instanceId);
      await migrations.encrypt({ instanceIds: [instanceId], strategy: 'direct' });
      const terminated = migrations.meanwhile(action, () => migrations.machine(instanceId).terminate('test'));
      await migrations.tell(instanceId, 'commit');
      await terminated;
      migrations.world.proxy.reset();
      const run = await start(instanceId);
      const closed = async () => (await run.describe()).status.name !== 'RUNNING';
      const soaking = async () => (await phaseOf(run)) === 'Soaking';
      await until(async () => (await closed()) || (await soaking()));
      if (!(await closed())) await migrations.tell(instanceId, 'commit');
      await awaitResult(run);
      const after = await migrations.stateOf(instanceId);
      expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
      expect([after.marks, ...after.disks.map(({ marks }) => marks)].flat()).toEqual([]);
      const originals = before.disks.map(({ volumeId = '' }) => volumeId);
      expect(await migrations.volumes({ Name: 'volume-id', Values: originals })).toEqual([]);
      const { Snapshots = [] } = await migrations.account
        .ec2()
        .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
      const left = Snapshots.map(tagsOf).filter((tags) =>
        originals.includes(tags['holdfast:source-volume'] ?? ''),
      );
      expect(left.map((tags) => tags['holdfast:set'])).toEqual(['2', '2']);
      expect(Snapshots.filter(({ VolumeId = '' }) => originals.includes(VolumeId))).toEqual([]);
    },
  );

  it('does not call a machine encrypted that can never start, and takes a rollback', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const before = await migrations.stateOf(instanceId);
    const kmsKeyId = await aKey(home);
    await migrations.encrypt({ instanceIds: [instanceId], kmsKeyId, strategy: 'direct' });
    await migrations.machine(instanceId).terminate('test');
    await home.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await migrations.instance(instanceId)).State?.Name === 'stopped');
    await home.kms().send(new DisableKeyCommand({ KeyId: kmsKeyId }));
    const run = await start(instanceId);
    await migrations.phase(run, 'Soaking');
    const page = await run.query<ProgressPage & { waitsFor?: string }>('progress');
    expect(JSON.stringify(page)).not.toContain('"encrypted"');
    await migrations.tell(instanceId, 'rollback', ANY_LOSS);
    expect(await awaitResult(run)).toMatchObject({ outcome: 'rolledBack' });
    expect(await migrations.stateOf(instanceId)).toEqual(before);
  });
});
