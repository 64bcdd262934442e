import { DetachVolumeCommand } from '@aws-sdk/client-ec2';
import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { Strategy } from '../../../../src/model/moves/strategy';
import { awaitResult } from '../../../support/awaitResult';
import { expectOnlyEncryptionChanged } from '../../../support/claims';
import { failedResult } from '../../../support/failure';
import { MigrationWorld, SNAPSHOTS } from '../../../support/migration';
import { anInstance, disksOf } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

describe('migrateMachine, undone', () => {
  const migrations = throughout(() => MigrationWorld.open());
  const allFailed = (run: Promise<unknown>) => failedResult<EncryptVolumesResult>(run, FAILURE.allFailed);

  it.each<[string, Strategy, string, number, boolean]>([
    ['undoes and begins anew', 'copy', 'AttachVolume', 1, true],
    ['undoes and begins anew', 'direct', 'CreateVolume', 1, true],
    ['undoes and begins anew', 'clone', 'CopyVolumes', 2, true],
    ['undoes and begins anew', 'clone', 'AttachVolume', 1, true],
    ['finishes', 'copy', 'StartInstances', 1, false],
    ['finishes', 'direct', 'StartInstances', 1, false],
    ['finishes', 'clone', 'StartInstances', 1, false],
  ])('%s, in the next run, what a %s terminated at %s has left', async (_, strategy, action, nth, anew) => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    await migrations().writeTo(instanceId);
    const content = await migrations().contentOf(instanceId);
    const terminate = () => migrations().machine(instanceId).terminate('test');
    const terminated = migrations().meanwhile(action, terminate, nth);
    const input = { instanceIds: [instanceId], strategy };
    const campaign = await migrations().start(input, { limits: { timer: 1_000 } });
    await terminated;
    const lost = await allFailed(awaitResult(campaign));
    expect(lost.failed.items[0]?.message).toContain('TERMINATED');

    migrations().world.proxy.reset();
    const result = await migrations().encrypt(input);
    expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    expect(await migrations().contentOf(instanceId)).toEqual(content);
    expectOnlyEncryptionChanged(before, await migrations().stateOf(instanceId));
    expect(migrations().world.proxy.callsOf('DetachVolume').length > 0).toBe(anew);
    const snapshots = SNAPSHOTS[strategy];
    expect(await migrations().leftovers(instanceId, before)).toEqual({ made: 2, marked: 2, snapshots });
    await migrations().tell(instanceId, 'commit');
    await awaitResult(migrations().machine(instanceId));
    const kept = await migrations().snapshots(instanceId);
    expect(kept.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
  });

  it('takes over the soak of a run that was terminated in it, without touching the machine', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    await migrations().encrypt({ instanceIds: [instanceId] });
    await migrations().machine(instanceId).terminate('test');
    migrations().world.proxy.reset();
    const result = await migrations().encrypt({ instanceIds: [instanceId] });
    expect(result.encrypted.items).toMatchObject([{ instanceId, volumes: 2 }]);
    expect(migrations().world.proxy.mutations()).toEqual([]);
    await migrations().tell(instanceId, 'commit');
    await awaitResult(migrations().machine(instanceId));
    const end = await migrations().stateOf(instanceId);
    expect([end.marks, ...end.disks.map(({ marks }) => marks)].flat()).toEqual([]);
  });

  it('refuses to put back a soaking machine whose new volumes somebody has detached', async () => {
    const { home } = migrations().world;
    const { instanceId } = await anInstance(home);
    await migrations().encrypt({ instanceIds: [instanceId] });
    await migrations().machine(instanceId).terminate('test');
    const { '/dev/sdf': VolumeId } = await disksOf(home, instanceId);
    await home.ec2().send(new DetachVolumeCommand({ VolumeId }));
    migrations().world.proxy.reset();
    const result = await allFailed(migrations().encrypt({ instanceIds: [instanceId] }));
    expect(result.skipped.items[0]?.reasons[0]).toContain('somebody has detached one of them');
    expect(migrations().world.proxy.mutations()).toEqual([]);
  });
});
