import {
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import type { WorkflowHandle } from '@temporalio/client';
import type { EncryptVolumesResult } from '../../src/model/campaign';
import { FAILURE } from '../../src/model/failures';
import { workflowIds } from '../../src/model/ids';
import type { MigrateMachineResult } from '../../src/model/migration';
import type { ProgressPage } from '../../src/model/progress';
import { HOME_REGION } from '../support/accounts';
import { awaitResult } from '../support/awaitResult';
import { expectFailure, failedResult, failureOf } from '../support/failure';
import { aKey, anInstance, aVolume, tagsOf } from '../support/seed';
import { aWorld, type World } from '../support/world';

const MESSAGE = { by: 'ann', reason: 'test' };

describe('encryptVolumes and migrateMachine', () => {
  let world: World;
  let key: string;

  beforeAll(async () => {
    world = await aWorld();
    key = await aKey(world.home);
  });
  afterAll(() => world.close());
  beforeEach(() => world.proxy.reset());

  const encrypt = (input: object) =>
    world.run<EncryptVolumesResult>('encryptVolumes', { kmsKeyId: key, ...input });
  const target = () => ({ accountId: world.home.accountId, region: HOME_REGION });
  const machine = (instanceId: string): WorkflowHandle =>
    world.client.workflow.getHandle(workflowIds.machine(target(), instanceId));
  const tell = (instanceId: string, message: string) =>
    machine(instanceId).executeUpdate(message, { args: [MESSAGE] });

  /** Everything about a machine that a migration must not change, and its volumes. */
  async function stateOf(instanceId: string) {
    const ec2 = world.home.ec2();
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const instance = Reservations?.[0]?.Instances?.[0];
    const { Volumes = [] } = await ec2.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instanceId] }] }),
    );
    const disks = Volumes.map((volume) => ({
      volumeId: volume.VolumeId,
      encrypted: volume.Encrypted,
      key: volume.KmsKeyId,
      device: volume.Attachments?.[0]?.Device,
      deleteOnTermination: volume.Attachments?.[0]?.DeleteOnTermination,
      type: volume.VolumeType,
      size: volume.Size,
      iops: volume.Iops,
      throughput: volume.Throughput,
      userTags: Object.fromEntries(
        Object.entries(tagsOf(volume)).filter(([name]) => !name.startsWith('holdfast:')),
      ),
      marks: Object.keys(tagsOf(volume)).filter((name) => name.startsWith('holdfast:')),
    })).sort((a, b) => (a.device ?? '').localeCompare(b.device ?? ''));
    return {
      state: instance?.State?.Name,
      marks: Object.keys(tagsOf(instance ?? {})).filter((name) => name.startsWith('holdfast:')),
      disks,
    };
  }

  type State = Awaited<ReturnType<typeof stateOf>>;
  const butEncryption = ({ state, disks }: State) => ({
    state,
    disks: disks.map(({ volumeId: _v, encrypted: _e, key: _k, marks: _m, ...rest }) => rest),
  });

  async function ownSnapshots(): Promise<Snapshot[]> {
    const { Snapshots = [] } = await world.home
      .ec2()
      .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    return Snapshots;
  }

  async function leftovers(instanceId: string, originals: State) {
    const { Volumes = [] } = await world.home
      .ec2()
      .send(
        new DescribeVolumesCommand({
          Filters: [{ Name: 'tag-key', Values: ['holdfast:migration', 'holdfast:original'] }],
        }),
      );
    const ofMachine = Volumes.filter((volume) =>
      [tagsOf(volume)['holdfast:replaces'], volume.VolumeId].some((id) =>
        originals.disks.some(({ volumeId }) => volumeId === id),
      ),
    );
    const snapshots = (await ownSnapshots()).filter(
      (snapshot) => tagsOf(snapshot)['holdfast:source-instance'] === instanceId,
    );
    return { volumes: ofMachine.length, snapshots: snapshots.length };
  }

  it('moves a running machine to encrypted volumes that differ in nothing else, and keeps the originals until commit', async () => {
    const { instanceId } = await anInstance(world.home, {
      root: { type: 'gp3', iops: 3500, throughput: 200 },
      data: [
        { device: '/dev/sdf', type: 'io2', size: 20, iops: 1000, deleteOnTermination: true },
        { device: '/dev/sdg', type: 'st1', size: 500 },
      ],
    });
    const before = await stateOf(instanceId);
    const result = await encrypt({ instanceIds: [instanceId] });

    expect(result).toMatchObject({
      encrypted: { total: 1, items: [{ instanceId, volumes: 3 }] },
      failed: { total: 0 },
      rolledBack: { total: 0 },
    });
    expect(result.summary).toMatch(/^1 machine with 3 volumes encrypted/);
    const after = await stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every((disk) => disk.encrypted && disk.key === key)).toBe(true);
    expect(Object.keys(result.volumeIdMap).sort()).toEqual(
      before.disks.map(({ volumeId }) => volumeId).sort(),
    );
    const originals = before.disks.map(({ volumeId = '' }) => volumeId);
    const { Volumes: kept } = await world.home
      .ec2()
      .send(new DescribeVolumesCommand({ VolumeIds: originals }));
    expect(kept?.map(({ State }) => State)).toEqual(['available', 'available', 'available']);

    await tell(instanceId, 'commit');
    const committed = await awaitResult<MigrateMachineResult>(machine(instanceId));
    expect(committed).toMatchObject({ outcome: 'encrypted', committed: true });
    const { Volumes: gone } = await world.home
      .ec2()
      .send(new DescribeVolumesCommand({ Filters: [{ Name: 'volume-id', Values: originals }] }));
    expect(gone).toEqual([]);
    const end = await stateOf(instanceId);
    expect([end.marks, ...end.disks.map(({ marks }) => marks)].flat()).toEqual([]);
    const snapshots = (await ownSnapshots()).filter(
      (snapshot) => tagsOf(snapshot)['holdfast:source-instance'] === instanceId,
    );
    expect(snapshots.map(({ Encrypted }) => Encrypted)).toEqual([true, true, true]);
    expect(snapshots.every((snapshot) => tagsOf(snapshot)['holdfast:expires-at'] === 'never')).toBe(true);
  });

  it.each([
    ['seed snapshot', 'CreateSnapshots', 1],
    ['seed copy', 'CopySnapshot', 1],
    ['the stop', 'StopInstances', 1],
    ['final snapshot', 'CreateSnapshots', 2],
    ['final copy', 'CopySnapshot', 3],
    ['new volume', 'CreateVolume', 2],
    ['first detach', 'DetachVolume', 1],
    ['second detach', 'DetachVolume', 2],
    ['first attach', 'AttachVolume', 1],
    ['second attach', 'AttachVolume', 2],
    ['DeleteOnTermination', 'ModifyInstanceAttribute', 1],
    ['the start', 'StartInstances', 1],
    ['status checks', 'DescribeInstanceStatus', 1],
  ])('puts everything back when %s is refused', async (_, action, nth) => {
    const { instanceId } = await anInstance(world.home, {});
    const before = await stateOf(instanceId);
    world.proxy.reset();
    world.proxy.fault(action, { before: { code: 'UnauthorizedOperation', status: 403 } }, nth);
    const result = await failedResult<EncryptVolumesResult>(
      encrypt({ instanceIds: [instanceId] }),
      FAILURE.allFailed,
    );
    expect(result.rolledBack.items[0]).toMatchObject({ item: instanceId });
    expect(result.rolledBack.items[0]?.message).toContain(action);
    expect(await stateOf(instanceId)).toEqual(before);
    expect(await leftovers(instanceId, before)).toEqual({ volumes: 0, snapshots: 0 });
  });

  it.each([
    'CreateSnapshots',
    'CopySnapshot',
    'StopInstances',
    'CreateVolume',
    'DetachVolume',
    'AttachVolume',
    'StartInstances',
    'CreateTags',
  ])('finishes when the answer to %s is lost, and makes nothing twice', async (action) => {
    const { instanceId } = await anInstance(world.home, {});
    const before = await stateOf(instanceId);
    world.proxy.reset();
    world.proxy.fault(action, { after: 'lose the response' }, [1, 3]);
    await encrypt({ instanceIds: [instanceId] });
    const after = await stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
    expect(await leftovers(instanceId, before)).toEqual({ volumes: 4, snapshots: 8 });
  });

  it('rolls back in soak, keeps what was written since, and can be migrated again', async () => {
    const { instanceId } = await anInstance(world.home, {});
    const before = await stateOf(instanceId);
    await encrypt({ instanceIds: [instanceId] });
    const first = machine(instanceId);
    await tell(instanceId, 'rollback');
    const back = await awaitResult<MigrateMachineResult>(first);
    expect(back).toMatchObject({ outcome: 'rolledBack', committed: false });
    expect(await stateOf(instanceId)).toEqual(before);
    const kept = (await ownSnapshots()).filter(
      (snapshot) => tagsOf(snapshot)['holdfast:recovery-point'] === back.keptRecoveryPoint,
    );
    expect(kept.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);

    await encrypt({ instanceIds: [instanceId] });
    expect((await stateOf(instanceId)).disks.every(({ encrypted }) => encrypted)).toBe(true);
  });

  it('leaves a stopped machine stopped', async () => {
    const { instanceId } = await anInstance(world.home, {});
    const { StopInstancesCommand } = await import('@aws-sdk/client-ec2');
    await world.home.ec2().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    const before = await stateOf(instanceId);
    await encrypt({ instanceIds: [instanceId] });
    const after = await stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.state).toBe('stopped');
  });

  it('finishes or undoes, in the next run, what a terminated migration left in mid-swap', async () => {
    for (const [action, ends] of [
      ['AttachVolume', 'anew'],
      ['StartInstances', 'forward'],
    ] as const) {
      const { instanceId } = await anInstance(world.home, {});
      const before = await stateOf(instanceId);
      world.proxy.reset();
      const terminated = new Promise<void>((resolve, reject) => {
        world.proxy.fault(
          action,
          {
            held: () =>
              machine(instanceId)
                .terminate('test')
                .then(() => resolve(), reject),
          },
          1,
        );
      });
      const campaign = await world.start(
        'encryptVolumes',
        { kmsKeyId: key, instanceIds: [instanceId] },
        { limits: { timer: 1000 } },
      );
      await terminated;
      const lost = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.allFailed);
      expect(lost.failed.items[0]?.message).toContain('TERMINATED');

      world.proxy.reset();
      await encrypt({ instanceIds: [instanceId] });
      const after = await stateOf(instanceId);
      expect(butEncryption(after)).toEqual(butEncryption(before));
      expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
      expect({ action, again: world.proxy.callsOf('CopySnapshot').length > 0 }).toEqual({
        action,
        again: ends === 'anew',
      });
    }
  });

  it('undoes when it is cancelled on the way', async () => {
    const { instanceId } = await anInstance(world.home, {});
    const before = await stateOf(instanceId);
    world.proxy.reset();
    const cancelled = new Promise<void>((resolve, reject) => {
      world.proxy.fault(
        'CreateVolume',
        {
          held: () =>
            machine(instanceId)
              .cancel()
              .then(() => resolve(), reject),
        },
        1,
      );
    });
    const campaign = await world.start('encryptVolumes', { kmsKeyId: key, instanceIds: [instanceId] });
    await cancelled;
    const result = await failedResult<EncryptVolumesResult>(awaitResult(campaign), FAILURE.allFailed);
    expect(result.skipped.items[0]?.item).toBe(instanceId);
    expect(await stateOf(instanceId)).toEqual(before);
    expect(await leftovers(instanceId, before)).toEqual({ volumes: 0, snapshots: 0 });
  });

  it('waits for approval, and changes nothing when it is rejected', async () => {
    const { instanceId } = await anInstance(world.home, {});
    const before = await stateOf(instanceId);
    world.proxy.reset();
    const handle = await world.start('encryptVolumes', {
      kmsKeyId: key,
      instanceIds: [instanceId],
      requireApproval: true,
    });
    await phase(handle, 'Waiting for approval');
    await expect(handle.executeUpdate('approve', { args: [{ by: 'ann' }] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('reason') as string },
    });
    await handle.executeUpdate('reject', { args: [MESSAGE] });
    expect(await expectFailure(awaitResult(handle), FAILURE.rejected)).toContain('rejected by ann');
    expect(world.proxy.mutations()).toEqual([]);
    expect(await stateOf(instanceId)).toEqual(before);
  });

  async function phase(handle: WorkflowHandle, name: string): Promise<void> {
    for (;;) {
      const page = await handle.query<ProgressPage>('progress');
      if (page.phase === name) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('stops starting machines after maxFailures', async () => {
    const ids = [await anInstance(world.home, {}), await anInstance(world.home, {})].map(
      ({ instanceId }) => instanceId,
    );
    world.proxy.reset();
    world.proxy.fault('StopInstances', { before: { code: 'UnauthorizedOperation', status: 403 } });
    const result = await failedResult<EncryptVolumesResult>(encrypt({ instanceIds: ids }), FAILURE.allFailed);
    expect(result).toMatchObject({ rolledBack: { total: 1 }, skipped: { total: 1 } });
    expect(result.skipped.items[0]?.reasons[0]).toContain('maxFailures is 1');
  });

  it('plans without touching anything when it is a dry run', async () => {
    const { instanceId } = await anInstance(world.home, { tags: { team: 'dry' } });
    world.proxy.reset();
    const result = await encrypt({ selector: { tags: { all: { team: 'dry' } } }, dryRun: true });
    expect(result.plan?.items[0]).toMatchObject({
      instanceId,
      wasRunning: true,
      disks: [{ device: '/dev/sdf' }, { device: '/dev/xvda' }]
        .map((disk) => expect.objectContaining(disk) as unknown)
        .sort(),
    });
    expect(world.proxy.mutations()).toEqual([]);
  });

  it('has nothing to do for a machine that is encrypted, and says what it cannot do for a volume by itself', async () => {
    const { instanceId } = await anInstance(world.home, {});
    await encrypt({ instanceIds: [instanceId] });
    await tell(instanceId, 'commit');
    await awaitResult(machine(instanceId));
    expect(await encrypt({ instanceIds: [instanceId] })).toMatchObject({
      encrypted: { total: 0 },
      skipped: { total: 1 },
    });
    const alone = await failedResult<EncryptVolumesResult>(
      encrypt({ volumeIds: [await aVolume(world.home)] }),
      FAILURE.allFailed,
    );
    expect(alone.skipped.items[0]?.reasons[0]).toContain('attached to no instance');
  });

  it('names the workflow that holds a machine already', async () => {
    const { instanceId } = await anInstance(world.home, {});
    await world.start('migrateMachine', 'no input', { workflowId: 'unrelated' });
    await encrypt({ instanceIds: [instanceId] });
    const again = { instanceIds: [instanceId, (await anInstance(world.home, {})).instanceId] };
    const result = await encrypt(again).catch((error: unknown) => failureOf(Promise.reject(error as Error)));
    expect(result).toMatchObject({ encrypted: { total: 1 }, skipped: { total: 1 } });
  });

  it.each<[string, object]>([
    ['instanceIds', {}],
    ['instanceIds', { instanceIds: ['i-0123456789abcdef0'], volumeIds: ['vol-0123456789abcdef0'] }],
    ['instanceIds', { instanceIds: ['web-1'] }],
    ['concurrency', { instanceIds: ['i-0123456789abcdef0'], concurrency: 0 }],
    ['maxDowntime', { instanceIds: ['i-0123456789abcdef0'], maxDowntime: 'short' }],
    ['strategy', { instanceIds: ['i-0123456789abcdef0'], strategy: 'clone' }],
    ['window', { instanceIds: ['i-0123456789abcdef0'], window: {} }],
  ])('refuses bad %s without an AWS call', async (field, input) => {
    world.proxy.reset();
    expect(await expectFailure(encrypt(input), FAILURE.invalidInput)).toContain(field);
    expect(world.proxy.calls).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['an unknown instance', { instanceIds: ['i-0123456789abcdef0'] }, FAILURE.notFound],
    [
      'a key alias that does not exist',
      { instanceIds: ['i-0123456789abcdef0'], kmsKeyId: 'alias/nope' },
      FAILURE.keyUnusable,
    ],
    [
      'a selector that matches nothing',
      { selector: { tags: { all: { no: 'thing' } } } },
      FAILURE.nothingSelected,
    ],
  ])('fails on %s before any change', async (_, input, type) => {
    world.proxy.reset();
    await expectFailure(encrypt(input), type);
    expect(world.proxy.mutations()).toEqual([]);
  });
});
