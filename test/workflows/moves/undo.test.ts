import { DetachVolumeCommand } from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../../src/model/failures';
import type { EncryptVolumesResult } from '../../../src/model/encryption/campaign/campaign';
import type { ProgressPage } from '../../../src/model/progress';
import { HOME_REGION } from '../../support/accounts';
import { awaitResult } from '../../support/awaitResult';
import { expectFailure, failedResult } from '../../support/failure';
import type { Strategy } from '../../../src/model/moves/strategy';
import { butEncryption, MigrationWorld, SNAPSHOTS } from '../../support/migration';
import { aKey, anInstance, disksOf } from '../../support/seed';

const NOTHING = { made: 0, marked: 0, snapshots: 0 };
const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('migrateMachine, undone', () => {
  let migrations: MigrationWorld;

  beforeAll(async () => {
    migrations = await MigrationWorld.open();
  });
  afterAll(() => migrations.close());
  beforeEach(() => migrations.world.proxy.reset());

  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it.each<[Strategy, string, string, number]>([
    ['copy', 'seed snapshot', 'CreateSnapshots', 1],
    ['copy', 'seed copy', 'CopySnapshot', 1],
    ['copy', 'the stop', 'StopInstances', 1],
    ['copy', 'final snapshot', 'CreateSnapshots', 2],
    ['copy', 'final copy', 'CopySnapshot', 3],
    ['copy', 'new volume', 'CreateVolume', 2],
    ['copy', 'first detach', 'DetachVolume', 1],
    ['copy', 'second detach', 'DetachVolume', 2],
    ['copy', 'first attach', 'AttachVolume', 1],
    ['copy', 'second attach', 'AttachVolume', 2],
    ['copy', 'DeleteOnTermination', 'ModifyInstanceAttribute', 1],
    ['copy', 'the start', 'StartInstances', 1],
    ['copy', 'status checks', 'DescribeInstanceStatus', 1],
    ['direct', 'seed snapshot', 'CreateSnapshots', 1],
    ['direct', 'final snapshot', 'CreateSnapshots', 2],
    ['direct', 'new volume', 'CreateVolume', 2],
    ['direct', 'second attach', 'AttachVolume', 2],
    ['clone', 'dry run', 'CopyVolumes', 1],
    ['clone', 'claim', 'CreateTags', 1],
    ['clone', 'the stop', 'StopInstances', 1],
    ['clone', 'first clone', 'CopyVolumes', 2],
    ['clone', 'second clone', 'CopyVolumes', 3],
    ['clone', 'second detach', 'DetachVolume', 2],
    ['clone', 'the start', 'StartInstances', 1],
  ])('by %s puts everything back when %s is refused', async (strategy, _, action, nth) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault(action, REFUSED, nth);
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId], strategy }));
    expect(result.rolledBack.items[0]).toMatchObject({ item: instanceId });
    expect(result.rolledBack.items[0]?.message).toContain(action);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('puts everything back at once when others have taken the volume copies during the stop', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault(
      'CopyVolumes',
      { before: { code: 'ResourceLimitExceeded', status: 400 } },
      3,
    );
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId], strategy: 'clone' }));
    expect(result.rolledBack.items[0]?.message).toContain('taken the volume copies that were free');
    expect(migrations.world.proxy.callsOf('CopyVolumes')).toHaveLength(3);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  /** A copy ends in error, a volume is not there any more: https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html */
  const vanished =
    /ResourceFailed: volume vol-\w+ in .* is not there any more: EC2 lets .* the key is Disabled; enable it/;
  it.each<[Strategy, string, number, RegExp]>([
    ['copy', 'CopySnapshot', 3, /Given key ID is not accessible/],
    ['direct', 'CreateSnapshots', 2, vanished],
    ['clone', 'CopyVolumes', 2, vanished],
  ])('by %s puts everything back when its key is disabled at %s', async (strategy, action, nth, says) => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const [before, kmsKeyId] = [await migrations.stateOf(instanceId), await aKey(home)];
    const disable = () => home.kms().send(new DisableKeyCommand({ KeyId: kmsKeyId }));
    const disabled = migrations.meanwhile(action, disable, nth);
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId], kmsKeyId, strategy }));
    await disabled;
    expect(result.rolledBack.items[0]?.message).toMatch(says);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it.each<[Strategy, string]>([
    ['copy', 'CreateVolume'],
    ['direct', 'CreateVolume'],
    ['clone', 'CopyVolumes'],
    ['clone', 'StopInstances'],
  ])('by %s undoes when it is cancelled at %s', async (strategy, action) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    const cancelled = migrations.meanwhile(action, () => migrations.machine(instanceId).cancel());
    const campaign = await migrations.start({ instanceIds: [instanceId], strategy });
    await cancelled;
    const result = await allFailed(awaitResult(campaign));
    expect(result.skipped.items[0]?.item).toBe(instanceId);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('undoes when the machine has been down for as long as it may', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault('CopySnapshot', { delay: 2_500 }, [3, 4]);
    const target = { accountId: migrations.world.home.accountId, region: HOME_REGION };
    const input = { target, instanceId, kmsKeyArn: migrations.key, strategy: 'copy', maxDowntimeMs: 2_000 };
    const run = migrations.world.run('migrateMachine', input);
    expect(await expectFailure(run, FAILURE.rolledBack)).toMatch(/DowntimeExceeded|maxDowntime/);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('waits for a person where a step cannot be undone, and goes on when told', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault('AttachVolume', REFUSED);
    const campaign = await migrations.start({ instanceIds: [instanceId] });
    const machine = migrations.machine(instanceId);
    await migrations.phase(machine, 'Needs a person');
    const { rows } = await machine.query<ProgressPage>('progress');
    expect(rows.find(({ state }) => state === 'stuck')?.note).toContain('AttachVolume');
    migrations.world.proxy.reset();
    await migrations.tell(instanceId, 'resume');
    await allFailed(awaitResult(campaign));
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it.each<[string, Strategy, string, number, boolean]>([
    ['undoes and begins anew', 'copy', 'AttachVolume', 1, true],
    ['undoes and begins anew', 'direct', 'CreateVolume', 1, true],
    ['undoes and begins anew', 'clone', 'CopyVolumes', 2, true],
    ['undoes and begins anew', 'clone', 'AttachVolume', 1, true],
    ['finishes', 'copy', 'StartInstances', 1, false],
    ['finishes', 'direct', 'StartInstances', 1, false],
    ['finishes', 'clone', 'StartInstances', 1, false],
  ])('%s, in the next run, what a %s terminated at %s has left', async (_, strategy, action, nth, anew) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    await migrations.writeTo(instanceId);
    const content = await migrations.contentOf(instanceId);
    const terminate = () => migrations.machine(instanceId).terminate('test');
    const terminated = migrations.meanwhile(action, terminate, nth);
    const input = { instanceIds: [instanceId], strategy };
    const campaign = await migrations.start(input, { limits: { timer: 1_000 } });
    await terminated;
    const lost = await allFailed(awaitResult(campaign));
    expect(lost.failed.items[0]?.message).toContain('TERMINATED');

    migrations.world.proxy.reset();
    const result = await migrations.encrypt(input);
    expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    expect(await migrations.contentOf(instanceId)).toEqual(content);
    const after = await migrations.stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
    expect(migrations.world.proxy.callsOf('DetachVolume').length > 0).toBe(anew);
    const snapshots = SNAPSHOTS[strategy];
    expect(await migrations.leftovers(instanceId, before)).toEqual({ made: 2, marked: 2, snapshots });
    await migrations.tell(instanceId, 'commit');
    await awaitResult(migrations.machine(instanceId));
    const kept = await migrations.snapshots(instanceId);
    expect(kept.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
  });

  it('takes over the soak of a run that was terminated in it, without touching the machine', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    await migrations.encrypt({ instanceIds: [instanceId] });
    await migrations.machine(instanceId).terminate('test');
    migrations.world.proxy.reset();
    const result = await migrations.encrypt({ instanceIds: [instanceId] });
    expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    expect(migrations.world.proxy.mutations()).toEqual([]);
    await migrations.tell(instanceId, 'commit');
    await awaitResult(migrations.machine(instanceId));
    const end = await migrations.stateOf(instanceId);
    expect([end.marks, ...end.disks.map(({ marks }) => marks)].flat()).toEqual([]);
  });

  it('refuses to put back a soaking machine whose new volumes somebody has detached', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    await migrations.encrypt({ instanceIds: [instanceId] });
    await migrations.machine(instanceId).terminate('test');
    const { '/dev/sdf': VolumeId } = await disksOf(home, instanceId);
    await home.ec2().send(new DetachVolumeCommand({ VolumeId }));
    migrations.world.proxy.reset();
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId] }));
    expect(result.skipped.items[0]?.reasons[0]).toContain('somebody has detached one of them');
    expect(migrations.world.proxy.mutations()).toEqual([]);
  });
});
