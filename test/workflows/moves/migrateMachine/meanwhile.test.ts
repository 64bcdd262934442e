import type { Strategy } from '../../../../src/model/moves/strategy';
import { expectOnlyEncryptionChanged } from '../../../support/claims';
import { MigrationWorld, SNAPSHOTS } from '../../../support/migration';
import { anInstance } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

/** Neither retries nor writes are told by a history: without the workflow cache the same would be replayed as in moved.test.ts. */
describe('migrateMachine, whatever happens meanwhile', () => {
  const migrations = throughout(() => MigrationWorld.open());

  it.each<[Strategy, string]>([
    ['copy', 'CreateSnapshots'],
    ['copy', 'CopySnapshot'],
    ['copy', 'StopInstances'],
    ['copy', 'CreateVolume'],
    ['copy', 'DetachVolume'],
    ['copy', 'AttachVolume'],
    ['copy', 'StartInstances'],
    ['copy', 'CreateTags'],
    ['direct', 'CreateSnapshots'],
    ['direct', 'CreateVolume'],
    ['clone', 'CopyVolumes'],
    ['clone', 'CreateTags'],
  ])('by %s finishes when the answer to %s is lost, and makes nothing twice', async (strategy, action) => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    await migrations().writeTo(instanceId);
    const content = await migrations().contentOf(instanceId);
    // The first call of CopyVolumes is the dry run.
    migrations().world.proxy.fault(action, { after: 'lose the response' }, [1, 2, 3]);
    await migrations().encrypt({ instanceIds: [instanceId], strategy });
    expect(await migrations().contentOf(instanceId)).toEqual(content);
    expectOnlyEncryptionChanged(before, await migrations().stateOf(instanceId));
    expect(await migrations().leftovers(instanceId, before)).toEqual({
      made: 2,
      marked: 2,
      snapshots: SNAPSHOTS[strategy],
    });
  });

  it.each<[Strategy, string, number]>([
    ['copy', 'CopySnapshot', 2],
    ['direct', 'CreateSnapshots', 1],
    ['clone', 'CreateTags', 1],
  ])('by %s loses no write that the machine makes until it stops', async (strategy, action, nth) => {
    const { instanceId } = await anInstance(migrations().world.home);
    await migrations().writeTo(instanceId);
    let last: Record<string, string> = {};
    const written = migrations().meanwhile(
      action,
      async () => {
        await migrations().writeTo(instanceId);
        last = await migrations().contentOf(instanceId);
      },
      nth,
    );
    await migrations().encrypt({ instanceIds: [instanceId], strategy });
    await written;
    expect(await migrations().contentOf(instanceId)).toEqual(last);
  });
});
