import { DetachVolumeCommand } from '@aws-sdk/client-ec2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { FAILURE } from '../../src/model/failures';
import type { EncryptVolumesResult } from '../../src/model/campaign';
import type { ProgressPage } from '../../src/model/progress';
import { HOME_REGION } from '../support/accounts';
import { awaitResult } from '../support/awaitResult';
import { expectFailure, failedResult } from '../support/failure';
import { butEncryption, MigrationWorld } from '../support/migration';
import { aKey, anInstance, disksOf } from '../support/seed';

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
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    migrations.world.proxy.fault(action, REFUSED, nth);
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId] }));
    expect(result.rolledBack.items[0]).toMatchObject({ item: instanceId });
    expect(result.rolledBack.items[0]?.message).toContain(action);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('undoes when it is cancelled on the way', async () => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    const cancelled = migrations.meanwhile('CreateVolume', () => migrations.machine(instanceId).cancel());
    const campaign = await migrations.start({ instanceIds: [instanceId] });
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
    const input = { target, instanceId, kmsKeyArn: migrations.key, maxDowntimeMs: 2_000 };
    const run = migrations.world.run('migrateMachine', input);
    expect(await expectFailure(run, FAILURE.rolledBack)).toMatch(/DowntimeExceeded|maxDowntime/);
    expect(await migrations.stateOf(instanceId)).toEqual(before);
    expect(await migrations.leftovers(instanceId, before)).toEqual(NOTHING);
  });

  it('undoes when its key is disabled while the last copies are made', async () => {
    const { home } = migrations.world;
    const { instanceId } = await anInstance(home);
    const [before, kmsKeyId] = [await migrations.stateOf(instanceId), await aKey(home)];
    const disable = () => home.kms().send(new DisableKeyCommand({ KeyId: kmsKeyId }));
    const disabled = migrations.meanwhile('CopySnapshot', disable, 3);
    const result = await allFailed(migrations.encrypt({ instanceIds: [instanceId], kmsKeyId }));
    await disabled;
    expect(result.rolledBack.items[0]?.message).toContain('Given key ID is not accessible');
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

  it.each([
    ['undoes and begins anew', 'AttachVolume', true],
    ['finishes', 'StartInstances', false],
  ])('%s, in the next run, what a run terminated at %s has left', async (_, action, copiesAgain) => {
    const { instanceId } = await anInstance(migrations.world.home);
    const before = await migrations.stateOf(instanceId);
    const terminated = migrations.meanwhile(action, () => migrations.machine(instanceId).terminate('test'));
    const campaign = await migrations.start({ instanceIds: [instanceId] }, { limits: { timer: 1_000 } });
    await terminated;
    const lost = await allFailed(awaitResult(campaign));
    expect(lost.failed.items[0]?.message).toContain('TERMINATED');

    migrations.world.proxy.reset();
    const result = await migrations.encrypt({ instanceIds: [instanceId] });
    expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    const after = await migrations.stateOf(instanceId);
    expect(butEncryption(after)).toEqual(butEncryption(before));
    expect(after.disks.every(({ encrypted }) => encrypted)).toBe(true);
    expect(migrations.world.proxy.callsOf('CopySnapshot').length > 0).toBe(copiesAgain);
    expect(await migrations.leftovers(instanceId, before)).toEqual({ made: 2, marked: 2, snapshots: 8 });
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
