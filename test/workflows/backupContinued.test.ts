import type { RunBackupResult } from '../../src/model/backup';
import { anInstance, aVolume } from '../support/seed';
import { awaitResult } from '../support/awaitResult';
import { aWorld, type World } from '../support/world';

describe('a backup of a target whose history grows long', () => {
  let world: World;

  beforeAll(async () => {
    world = await aWorld({ suggestContinueAsNewAfter: 5 });
  });
  afterAll(() => world.close());

  it('continues as new between pages, and still counts everything once', async () => {
    const policyName = 'long';
    const tags = { policy: policyName };
    const [{ instanceId }, volumeId] = await Promise.all([
      anInstance(world.home, { tags }),
      aVolume(world.home, { tags }),
    ]);
    const policy = { policyName, frequency: '4h', retention: '30d', selector: { tags: { all: tags } } };
    await world.run('createBackupPolicy', policy);
    const run = await world.start('runBackup', { policyName });
    const result = await awaitResult<RunBackupResult>(run);
    expect(result).toMatchObject({ status: 'COMPLETED', selected: 2, protected: 2, volumes: 3 });
    const protectedIds = result.recoveryPoints.items.map(({ resourceId }) => resourceId);
    expect(protectedIds.sort()).toEqual([instanceId, volumeId].sort());
    expect(world.proxy.callsOf('CreateSnapshots')).toHaveLength(1);

    const { events } = await world.client.workflow
      .getHandle(`${run.workflowId}/${world.home.accountId}/us-east-1`)
      .fetchHistory();
    const [started] = events ?? [];
    expect(started?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId).toBeTruthy();
  });
});
