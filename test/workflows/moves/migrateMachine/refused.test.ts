import type { EncryptVolumesResult } from '../../../../src/model/encryption/campaign/campaign';
import { FAILURE } from '../../../../src/model/failures';
import type { Strategy } from '../../../../src/model/moves/strategy';
import { expectUndone } from '../../../support/claims';
import { failedResult } from '../../../support/failure';
import { MigrationWorld } from '../../../support/migration';
import { anInstance } from '../../../support/seed';
import { throughout } from '../../../support/throughout';

const REFUSED = { before: { code: 'UnauthorizedOperation', status: 403 } };

describe('migrateMachine, undone', () => {
  const migrations = throughout(() => MigrationWorld.open());
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
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault(action, REFUSED, nth);
    const result = await allFailed(migrations().encrypt({ instanceIds: [instanceId], strategy }));
    expect(result.rolledBack.items[0]).toMatchObject({ item: instanceId });
    expect(result.rolledBack.items[0]?.message).toContain(action);
    await expectUndone(migrations(), instanceId, before);
  });

  it('puts everything back at once when others have taken the volume copies during the stop', async () => {
    const { instanceId } = await anInstance(migrations().world.home);
    const before = await migrations().stateOf(instanceId);
    migrations().world.proxy.fault(
      'CopyVolumes',
      { before: { code: 'ResourceLimitExceeded', status: 400 } },
      3,
    );
    const result = await allFailed(migrations().encrypt({ instanceIds: [instanceId], strategy: 'clone' }));
    expect(result.rolledBack.items[0]?.message).toContain('taken the volume copies that were free');
    expect(migrations().world.proxy.callsOf('CopyVolumes')).toHaveLength(3);
    await expectUndone(migrations(), instanceId, before);
  });
});
