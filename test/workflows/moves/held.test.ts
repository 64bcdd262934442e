import {
  DescribeSnapshotsCommand,
  LockSnapshotCommand,
  RegisterImageCommand,
  TerminateInstancesCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { FAILURE } from '../../../src/model/failures';
import type { ProgressPage } from '../../../src/model/progress';
import { awaitResult } from '../../support/awaitResult';
import { failedResult, failureOf } from '../../support/failure';
import { ANY_LOSS, MigrationWorld } from '../../support/migration';
import { anInstance, aVolume, tagsOf } from '../../support/seed';
import {
  interruptedMachine,
  isInState,
  settledRun,
  soakingMachine,
  startMove,
  stopByHand,
} from '../../support/takenOver';
import { until } from '../../support/until';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

/** What somebody holds, stops or takes away meanwhile keeps nothing else waiting. */
describe('a migration whose people do something of their own', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const ec2 = () => migrations.account.ec2();
  const lock = (SnapshotId = '') =>
    ec2().send(new LockSnapshotCommand({ SnapshotId, LockMode: 'governance', LockDuration: 1 }));
  const isThere = async ({ SnapshotId = '' }: Snapshot) =>
    (await ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots?.some(
      (each) => each.SnapshotId === SnapshotId,
    );
  const imageOf = (SnapshotId = '') =>
    ec2().send(
      new RegisterImageCommand({
        ...{ Name: `of-${SnapshotId}`, RootDeviceName: '/dev/xvda' },
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
      }),
    );
  const marksOf = async (instanceId: string) =>
    Object.keys(tagsOf(await migrations.instance(instanceId))).filter((key) => key.startsWith('holdfast:'));

  describe('what is staged and locked, or used by an image', () => {
    const HOLDING: [string, (id?: string) => Promise<unknown>][] = [
      ['locked', lock],
      ['used by an image', imageOf],
    ];

    it.each(HOLDING)('%s: its commit ends, and names it', async (_, hold) => {
      const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const seed = await stagedOf(instanceId);
      await hold(seed.SnapshotId);
      await migrations.tell(instanceId, 'commit');
      expect(await awaitResult(run)).toMatchObject({ committed: true });
      expect(await isThere(seed)).toBe(true);
      const { rows } = await run.query<ProgressPage>('progress');
      expect(rows).toContainEqual(expect.objectContaining({ item: seed.SnapshotId, state: 'stays' }));
      expect(await marksOf(instanceId)).toEqual([]);
    });

    it.each(HOLDING)('%s: its rollback ends', async (_, hold) => {
      const { instanceId, before, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const seed = await stagedOf(instanceId);
      await hold(seed.SnapshotId);
      await migrations.tell(instanceId, 'rollback', ANY_LOSS);
      expect(await awaitResult(run)).toMatchObject({ outcome: 'rolledBack' });
      expect(await isThere(seed)).toBe(true);
      expect(await migrations.stateOf(instanceId)).toEqual(before);
    });

    it('locked: its undo ends', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const before = await migrations.stateOf(instanceId);
      const locked = migrations.meanwhile('StopInstances', async () => {
        for (const { SnapshotId } of await migrations.snapshots(instanceId)) await lock(SnapshotId);
      });
      migrations.world.proxy.fault('AttachVolume', REFUSED, 1);
      const run = await startMove(migrations, instanceId);
      await locked;
      await failedResult(awaitResult(run), FAILURE.rolledBack);
      expect(await migrations.stateOf(instanceId)).toEqual(before);
      expect(await marksOf(instanceId)).toEqual([]);
    });

    it('locked: a run that finishes its commit ends', async () => {
      const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
      const seed = await stagedOf(instanceId);
      await lock(seed.SnapshotId);
      const terminated = migrations.meanwhile('DeleteSnapshot', () => run.terminate('test'));
      await migrations.tell(instanceId, 'commit');
      await terminated;
      migrations.world.proxy.reset();
      const next = await startMove(migrations, instanceId, { strategy: 'copy' });
      expect(await settledRun(next)).toBe('COMPLETED');
      expect(await isThere(seed)).toBe(true);
      expect(await marksOf(instanceId)).toEqual([]);
    });

    async function stagedOf(instanceId: string): Promise<Snapshot> {
      const [seed] = (await migrations.snapshots(instanceId)).filter(({ Encrypted }) => !Encrypted);
      return seed ?? {};
    }
  });

  describe('a machine that its people stop while it is prepared', () => {
    it('is left stopped by the undo, which ends', async () => {
      const { instanceId } = await anInstance(migrations.account);
      const stopped = migrations.meanwhile('CreateSnapshots', () => stopByHand(migrations, instanceId));
      const run = await startMove(migrations, instanceId);
      await stopped;
      await failedResult(awaitResult(run), FAILURE.rolledBack);
      await isInState(migrations, instanceId, 'stopped');
      expect(await marksOf(instanceId)).toEqual([]);
    });

    it('is migrated as a stopped one by the next run, where that was terminated', async () => {
      const { instanceId } = await interruptedMachine(migrations, 'DescribeSnapshots');
      await stopByHand(migrations, instanceId);
      const run = await startMove(migrations, instanceId);
      expect(await settledRun(run)).toBe('Soaking');
      await isInState(migrations, instanceId, 'stopped');
    });
  });

  it('goes first where its guest was brought to rest, and takes its turn where it had only staged something', async () => {
    const hooks = { pre: { commands: ['true'] }, post: { commands: ['true'] } };
    const frozen = await interruptedMachine(migrations, 'SendCommand', 1, { hooks });
    const prepared = await interruptedMachine(migrations, 'DescribeSnapshots');
    const instanceIds = [prepared.instanceId, frozen.instanceId];
    const { plan } = await migrations.encrypt({ instanceIds, strategy: 'direct', dryRun: true });
    expect(plan?.items.map(({ instanceId }) => instanceId)).toEqual([prepared.instanceId]);
  });

  it.each(['while it swaps', 'where the next run puts it back'])(
    'runs again before its new volumes are deleted, which may be refused: %s',
    async (when) => {
      const isTakenOver = when !== 'while it swaps';
      const { instanceId } = isTakenOver
        ? await interruptedMachine(migrations, 'AttachVolume')
        : await anInstance(migrations.account);
      if (!isTakenOver) migrations.world.proxy.fault('AttachVolume', REFUSED, 1);
      migrations.world.proxy.fault('DeleteVolume', REFUSED);
      const run = await startMove(migrations, instanceId);
      await migrations.phase(run, 'Needs a person');
      await isInState(migrations, instanceId, 'running');
      migrations.world.proxy.reset();
      await migrations.tell(instanceId, 'resume');
      if (isTakenOver) await migrations.phase(run, 'Soaking');
      else await failedResult(awaitResult(run), FAILURE.rolledBack);
    },
  );

  it('that is terminated has its staging snapshots named, too', async () => {
    const { instanceId, run } = await soakingMachine(migrations, { strategy: 'copy' });
    const staged = (await migrations.snapshots(instanceId)).map(({ SnapshotId = '' }) => SnapshotId);
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await isInState(migrations, instanceId, 'terminated');
    await run.cancel();
    const { message } = await failureOf(awaitResult(run));
    for (const id of staged) expect(message).toContain(id);
  });

  describe('a volume by itself', () => {
    const attributes = async (id: string) =>
      (await migrations.volumes({ Name: 'volume-id', Values: [id] }))[0];

    it('whose commit was terminated after it had deleted the original is finished by the next run', async () => {
      const { volumeId, made } = await interruptedVolume('commit', 'DeleteVolume');
      await until(async () => (await attributes(volumeId)) === undefined);
      const next = await startVolume(volumeId);
      expect(await awaitResult(next)).toMatchObject({ committed: true, volumeIdMap: { [volumeId]: made } });
      const marked = Object.keys(tagsOf((await attributes(made)) ?? {}));
      expect(marked.filter((key) => key.startsWith('holdfast:'))).toEqual([]);
      expect(await pointsOf(volumeId)).toEqual(['point']);
    });

    it('that is gone, and was not committed, fails as before', async () => {
      const volumeId = await aVolume(migrations.account, {});
      await migrations.deleteVolume(volumeId);
      expect((await failureOf(awaitResult(await startVolume(volumeId)))).type).toBe(FAILURE.notFound);
    });

    it('whose rollback was terminated is rolled back by the next run, with one recovery point', async () => {
      const { volumeId, made } = await interruptedVolume('rollback', 'CreateSnapshot');
      const next = await startVolume(volumeId);
      await migrations.phase(next, 'Soaking');
      expect(await attributes(made)).toBeUndefined();
      const kept = (await own()).filter(({ VolumeId }) => VolumeId === made);
      expect(kept.map((snapshot) => tagsOf(snapshot)['holdfast:expires-at'])).toEqual(['never']);
    });

    async function interruptedVolume(verdict: 'commit' | 'rollback', action: string) {
      const volumeId = await aVolume(migrations.account, {});
      const run = await startVolume(volumeId);
      await migrations.phase(run, 'Soaking');
      const [made] = await migrations.volumes({ Name: 'tag:holdfast:replaces', Values: [volumeId] });
      migrations.world.proxy.reset();
      const terminated = migrations.meanwhile(action, () => run.terminate('test'));
      await migrations.tellVolume(volumeId, verdict, verdict === 'rollback' ? ANY_LOSS : {});
      await terminated;
      migrations.world.proxy.reset();
      return { volumeId, made: made?.VolumeId ?? '' };
    }

    async function own(): Promise<Snapshot[]> {
      return (await ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots ?? [];
    }

    async function pointsOf(volumeId: string): Promise<string[]> {
      const ofIt = (await own()).filter(
        (each) => each.VolumeId === volumeId || tagsOf(each)['holdfast:source-volume'] === volumeId,
      );
      return ofIt.map((each) => (tagsOf(each)['holdfast:recovery-point'] ? 'point' : 'left'));
    }
  });

  function startVolume(volumeId: string) {
    const { target, key: kmsKeyArn } = migrations;
    const workflowId = migrations.volume(volumeId).workflowId;
    const input = { target, volumeId, kmsKeyArn, strategy: 'copy' };
    return migrations.world.start('migrateVolume', input, { workflowId });
  }
});
