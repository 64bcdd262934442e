import {
  DeleteSnapshotCommand,
  DetachVolumeCommand,
  TerminateInstancesCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DisableKeyCommand, EnableKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import type { MigrateMachineResult } from '../../../src/model/moves/migration';
import type { ProgressPage } from '../../../src/model/progress';
import { readRecoveryPoint } from '../../../src/model/points/recoveryPoint';
import type { Strategy } from '../../../src/model/moves/strategy';
import { parseVolumeLine } from '../../../src/model/points/volumeLine';
import { awaitResult } from '../../support/awaitResult';
import { expectOnlyEncryptionChanged } from '../../support/claims';
import { failedResult } from '../../support/failure';
import { ANY_LOSS, MigrationWorld, STRATEGIES } from '../../support/migration';
import { aKey, anInstance, tagsOf } from '../../support/seed';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('a verdict on a migration in soak', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const home = () => migrations.world.home;

  /** A machine in soak under a key of its own. */
  async function soaking(strategy: Strategy = 'direct') {
    const { instanceId } = await anInstance(home(), { tags: { team: 'shop' } });
    const [before, kmsKeyId] = [await migrations.stateOf(instanceId), await aKey(home())];
    await migrations.writeTo(instanceId);
    const content = await migrations.contentOf(instanceId);
    const { volumeIdMap } = await migrations.encrypt({ instanceIds: [instanceId], kmsKeyId, strategy });
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    const machine = migrations.machine(instanceId);
    return { instanceId, before, kmsKeyId, content, originals, volumeIdMap, machine };
  }

  const there = async (ids: string[]) =>
    (await migrations.volumes({ Name: 'volume-id', Values: ids })).map(({ VolumeId }) => VolumeId).sort();

  async function stuckAt(instanceId: string): Promise<string> {
    await migrations.phase(migrations.machine(instanceId), 'Needs a person');
    const { rows } = await migrations.machine(instanceId).query<ProgressPage>('progress');
    return rows.find(({ state }) => state === 'stuck')?.note ?? '';
  }

  const key = (kmsKeyId: string) => ({
    disable: () =>
      home()
        .kms()
        .send(new DisableKeyCommand({ KeyId: kmsKeyId })),
    enable: () =>
      home()
        .kms()
        .send(new EnableKeyCommand({ KeyId: kmsKeyId })),
    delete: () =>
      home()
        .kms()
        .send(new ScheduleKeyDeletionCommand({ KeyId: kmsKeyId, PendingWindowInDays: 7 })),
  });

  describe('commit', () => {
    it.each<[string, Strategy, 'disable' | 'delete']>([
      ['disabled', 'copy', 'disable'],
      ['disabled', 'clone', 'disable'],
      ['pending deletion', 'copy', 'delete'],
      ['pending deletion', 'direct', 'delete'],
    ])(
      'deletes nothing while the key is %s (%s), tells people, and can be resumed',
      async (_, strategy, how) => {
        const { instanceId, kmsKeyId, originals, machine } = await soaking(strategy);
        await key(kmsKeyId)[how]();
        await migrations.tell(instanceId, 'commit');
        expect(await stuckAt(instanceId)).toMatch(/Disabled|PendingDeletion|not accessible|failed 3 times/);
        expect(await there(originals)).toEqual([...originals].sort());
        expect(migrations.world.notifications).toContainEqual(
          expect.objectContaining({ kind: 'NeedsPerson', workflowId: machine.workflowId }),
        );
        if (how === 'delete') return;
        await key(kmsKeyId).enable();
        await migrations.tell(instanceId, 'resume');
        expect(await awaitResult(machine)).toMatchObject({ committed: true });
        expect(await there(originals)).toEqual([]);
      },
    );

    it('deletes nothing when somebody has detached the new volume', async () => {
      const { instanceId, originals, volumeIdMap } = await soaking();
      const VolumeId = Object.values(volumeIdMap)[1];
      await home().ec2().send(new DetachVolumeCommand({ VolumeId }));
      await migrations.tell(instanceId, 'commit');
      expect(await stuckAt(instanceId)).toContain(`${VolumeId}, which replaces`);
      expect(await there(originals)).toEqual([...originals].sort());
    });

    it('deletes nothing when somebody deletes the snapshot of the last moment a moment before', async () => {
      const { instanceId, originals, machine } = await soaking();
      // The last look at the originals before they go is DescribeVolumes of the activity that deletes.
      let done: Promise<unknown> | undefined;
      migrations.world.proxy.fault(
        ({ action, params }) =>
          action === 'CreateTags' && JSON.stringify(params).includes('holdfast:recovery-point'),
        { held: async () => void (await (done ??= deleteKept(instanceId))) },
      );
      await migrations.tell(instanceId, 'commit');
      expect(await stuckAt(instanceId)).toContain('that holds the last moment');
      expect(await there(originals)).toEqual([...originals].sort());
      migrations.world.proxy.reset();
      await migrations.tell(instanceId, 'resume');
      expect(await awaitResult(machine)).toMatchObject({ committed: true });
    });

    it('goes on where somebody has deleted an original of which nothing was kept, and says so', async () => {
      const { instanceId, originals, machine } = await soaking('clone');
      const [kept = '', lost = ''] = originals;
      await migrations.deleteVolume(lost);
      await migrations.tell(instanceId, 'commit');
      expect(await awaitResult(machine)).toMatchObject({ committed: true });
      expect(await there([kept])).toEqual([]);
      const points = (await migrations.snapshots(instanceId)).map(
        (snapshot) => tagsOf(snapshot)['holdfast:source-volume'],
      );
      expect(points).toEqual([kept]);
      const { rows } = await machine.query<ProgressPage>('progress');
      expect(rows).toContainEqual(expect.objectContaining({ item: lost, state: 'lost' }));
    });

    async function deleteKept(instanceId: string): Promise<void> {
      const kept = (await migrations.snapshots(instanceId)).find(
        (snapshot) => tagsOf(snapshot)['holdfast:recovery-point'] !== undefined,
      );
      await home()
        .ec2()
        .send(new DeleteSnapshotCommand({ SnapshotId: kept?.SnapshotId }));
    }

    it('can still become a rollback while it is stuck', async () => {
      const { instanceId, kmsKeyId, before, content, machine } = await soaking('clone');
      await key(kmsKeyId).disable();
      await migrations.tell(instanceId, 'commit');
      await stuckAt(instanceId);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      expect(await awaitResult(machine)).toMatchObject({ outcome: 'rolledBack', committed: false });
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      expect(await migrations.contentOf(instanceId)).toEqual(content);
    });

    it.each(STRATEGIES)('leaves a full recovery point of the moment of the stop: %s', async (strategy) => {
      const { instanceId, originals, machine } = await soaking(strategy);
      migrations.world.clock.offset = 7 * 86_400_000;
      const decidedAt = Date.now();
      await migrations.tell(instanceId, 'commit');
      await awaitResult(machine);
      migrations.world.clock.offset = 0;
      const kept = await migrations.snapshots(instanceId);
      expect(kept.map(({ Encrypted, State }) => [Encrypted, State])).toEqual([
        [true, 'completed'],
        [true, 'completed'],
      ]);
      await isFullPoint(instanceId, kept, originals, decidedAt);
    });
  });

  async function isFullPoint(instanceId: string, kept: Snapshot[], originals: string[], before: number) {
    const points = kept.map((snapshot) => {
      const tags = tagsOf(snapshot);
      const {
        SnapshotId: snapshotId = '',
        VolumeId: volumeId = '',
        Description: description = '',
      } = snapshot;
      return { tags, point: readRecoveryPoint({ snapshotId, volumeId, description, tags }) };
    });
    expect(points.map(({ tags }) => tags['holdfast:source-volume']).sort()).toEqual([...originals].sort());
    expect(points.map(({ tags }) => tags['holdfast:device']).sort()).toEqual(['/dev/sdf', '/dev/xvda']);
    for (const { tags, point } of points) {
      expect(tags).toMatchObject({ team: 'shop', 'holdfast:set': '2', 'holdfast:expires-at': 'never' });
      expect(point?.lineage).toBe(`${instanceId}:${tags['holdfast:device']}`);
      expect(point?.takenAt).toBeLessThan(before);
      for (const id of originals) {
        const line = parseVolumeLine(tags[`holdfast:volume:${id}`] ?? '');
        expect(line).toMatchObject({ zone: 'us-east-1a', type: 'gp3' });
      }
      const manifest = await migrations.world.manifests.get(`${tags['holdfast:manifest']}.json`);
      expect(manifest).toContain(instanceId);
      for (const id of originals) expect(manifest).toContain(id);
    }
  }

  describe('rollback', () => {
    it('starts the machine before the snapshots of its new volumes are complete, and deletes them after', async () => {
      const { instanceId, before, machine } = await soaking();
      migrations.world.proxy.reset();
      let stateAtStart: (string | undefined)[] = [];
      migrations.world.proxy.fault('DescribeSnapshots', { delay: 400 });
      const started = migrations.meanwhile('StartInstances', async () => {
        stateAtStart = (await keptOf(machine.workflowId)).map((each) => tagsOf(each)['holdfast:taken-at']);
      });
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      await started;
      const result = await awaitResult<MigrateMachineResult>(machine);
      expect(stateAtStart).toEqual([undefined, undefined]);
      const order = migrations.world.proxy.mutations().map(({ action }) => action);
      expect(order.indexOf('CreateSnapshots')).toBeLessThan(order.indexOf('DetachVolume'));
      expect(order.indexOf('StartInstances')).toBeLessThan(order.indexOf('DeleteVolume'));
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      const kept = (await keptOf(machine.workflowId)).filter(
        (each) => tagsOf(each)['holdfast:recovery-point'] === result.keptRecoveryPoint,
      );
      expect(kept.map(({ State }) => State)).toEqual(['completed', 'completed']);
    });

    /** Snapshots of what the rollback keeps. */
    async function keptOf(workflowId: string): Promise<Snapshot[]> {
      const instanceId = workflowId.split('/').at(-1) ?? '';
      return (await migrations.snapshots(instanceId)).filter(({ Description = '' }) =>
        Description.endsWith('-kept'),
      );
    }

    it('leaves a full recovery point', async () => {
      const { instanceId, originals, machine } = await soaking();
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      await awaitResult(machine);
      await isFullPoint(instanceId, await keptOf(machine.workflowId), originals, Date.now());
    });

    it.each<[string, 'disable' | 'delete']>([
      ['disabled', 'disable'],
      ['pending deletion', 'delete'],
    ])('goes back also when its key is %s, and keeps the new volumes', async (_, how) => {
      const { instanceId, kmsKeyId, before, content, volumeIdMap, machine } = await soaking();
      await key(kmsKeyId)[how]();
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      const result = await awaitResult<MigrateMachineResult>(machine);
      const made = Object.values(volumeIdMap).sort();
      expect(result.leftVolumes?.map(({ volumeId }) => volumeId).sort()).toEqual(made);
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      expect(await migrations.contentOf(instanceId)).toEqual(content);
      const left = await migrations.volumes({ Name: 'volume-id', Values: made });
      expect(left.map(({ State }) => State)).toEqual(['available', 'available']);
      for (const volume of left) expect(tagsOf(volume)).toHaveProperty('holdfast:replaces');
    });

    it('goes back also when the role may not make snapshots', async () => {
      const { instanceId, before, volumeIdMap, machine } = await soaking();
      migrations.world.proxy.fault('CreateSnapshots', REFUSED);
      migrations.world.proxy.fault('CreateSnapshot', REFUSED);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      const result = await awaitResult<MigrateMachineResult>(machine);
      expect(result.leftVolumes?.map(({ volumeId }) => volumeId).sort()).toEqual(
        Object.values(volumeIdMap).sort(),
      );
      expect(await migrations.stateOf(instanceId)).toEqual(before);
    });

    it('keeps what was written although a first try failed while the machine was down', async () => {
      const { instanceId, before, originals, machine } = await soaking();
      migrations.world.proxy.fault('CreateSnapshots', REFUSED);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      const result = await awaitResult<MigrateMachineResult>(machine);
      expect(result.leftVolumes).toBeUndefined();
      const kept = (await migrations.snapshots(instanceId)).map(
        (snapshot) => tagsOf(snapshot)['holdfast:recovery-point'],
      );
      expect(kept).toEqual(originals.map(() => result.keptRecoveryPoint));
      expect(await migrations.stateOf(instanceId)).toEqual(before);
    });

    it('does not stop a machine whose original is gone, and can become a commit', async () => {
      const { instanceId, before, originals, machine } = await soaking();
      await migrations.deleteVolume(originals[1] ?? '');
      migrations.world.proxy.reset();
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      expect(await stuckAt(instanceId)).toContain(`${originals[1]} is gone`);
      expect(migrations.world.proxy.callsOf('StopInstances')).toEqual([]);
      await migrations.tell(instanceId, 'commit');
      expect(await awaitResult(machine)).toMatchObject({ committed: true });
      expectOnlyEncryptionChanged(before, await migrations.stateOf(instanceId));
    });
  });

  it.each(['commit', 'rollback'] as const)('%s ends where the machine is terminated', async (verdict) => {
    const { instanceId, originals, machine } = await soaking();
    await home()
      .ec2()
      .send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await until(async () => (await migrations.instance(instanceId)).State?.Name === 'terminated');
    await migrations.tell(instanceId, verdict, verdict === 'rollback' ? ANY_LOSS : {});
    const result = await failedResult<MigrateMachineResult>(awaitResult(machine), FAILURE.notFound);
    expect(result).toMatchObject({ committed: false, outcome: 'failed' });
    for (const id of originals) expect(result.message).toContain(id);
    expect(await there(originals)).toEqual([...originals].sort());
    for (const volume of await migrations.volumes({ Name: 'volume-id', Values: originals }))
      expect(tagsOf(volume)).not.toHaveProperty('holdfast:original');
  });
});
